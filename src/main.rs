//! The binary: arguments in, exit code out.

fn main() -> std::process::ExitCode {
    ticket_exporter::cli::main()
}
