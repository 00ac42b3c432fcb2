//! Finds the flags of the exporter that is the main process of a container. An image declares its health
//! check without the flags of a later container, such as `--config.file`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use clap::Parser;

use super::arguments::{Arguments, Command, CommandLineSettings};

/// The kernel describes process 1 here: the first process of a container or machine.
pub const FIRST_PROCESS: &str = "/proc/1";
/// The same for the current process.
const OWN_PROCESS: &str = "/proc/self";

/// Returns the flags of a process if it runs this program with the command `serve` or `gateway`.
pub fn settings(process: &Path) -> Option<CommandLineSettings> {
    let program = |process: &Path| fs::read_link(process.join("exe")).ok();
    if program(process)? != program(Path::new(OWN_PROCESS))? {
        return None;
    }
    let line = fs::read(process.join("cmdline")).ok()?;
    // Each argument ends with a zero byte.
    let line = line.strip_suffix(&[0]).unwrap_or(&line);
    let arguments = line.split(|byte| *byte == 0).map(OsStr::from_bytes);
    let parsed = Arguments::try_parse_from(arguments).ok()?;
    if !matches!(
        parsed.command,
        None | Some(Command::Serve | Command::Gateway)
    ) {
        return None;
    }
    let mut settings = parsed.settings;
    // Paths are relative to that process's working directory.
    let directory = fs::read_link(process.join("cwd")).ok()?;
    for file in [&mut settings.config_file, &mut settings.web_config_file] {
        *file = file.take().map(|file| directory.join(file));
    }
    Some(settings)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder like the one that the kernel provides for a process.
    fn process(line: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let own = fs::read_link("/proc/self/exe").unwrap();
        symlink(own, folder.path().join("exe")).unwrap();
        symlink("/srv", folder.path().join("cwd")).unwrap();
        fs::write(folder.path().join("cmdline"), line).unwrap();
        folder
    }

    #[test]
    fn flags_of_the_exporter_are_found() {
        for line in [
            &b"/usr/bin/ticket-exporter\0--config.file=/srv/a b.yaml\0--web.listen-address=:80\0"[..],
            b"ticket-exporter\0serve\0--config.file\0a b.yaml\0--web.listen-address\0:80\0",
        ] {
            let found = settings(process(line).path()).unwrap();
            let file = found.config_file.as_deref();
            assert_eq!(file, Some(Path::new("/srv/a b.yaml")));
            assert_eq!(found.listen_address, [":80"]);
        }
    }

    #[test]
    fn other_processes_have_no_flags_for_us() {
        let simulate = b"ticket-exporter\0simulate\0--topic=tickets\0--set=web.listen=:80\0";
        assert!(settings(process(simulate).path()).is_none());
        assert!(settings(process(b"ticket-exporter\0--no-such-flag\0").path()).is_none());
        let other = process(b"ticket-exporter\0");
        fs::remove_file(other.path().join("exe")).unwrap();
        symlink("/sbin/init", other.path().join("exe")).unwrap();
        assert!(settings(other.path()).is_none());
        assert!(settings(Path::new("/nowhere")).is_none());
    }
}
