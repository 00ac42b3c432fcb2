//! The binary. All of its code is in the library.

fn main() -> std::process::ExitCode {
    ticket_exporter::cli::main()
}
