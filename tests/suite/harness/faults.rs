//! A failing disk and a jumping clock for one exporter: a small C library, compiled here with `cc` and
//! preloaded into the process, reads the faults from a file that the test writes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::tools;

/// Environment variables for a process with faults.
pub(crate) type Environment = Vec<(String, String)>;

/// The fields of `struct faults`, each 8 bytes.
#[derive(Debug, Clone, Copy)]
enum Fault {
    SyncDelay,
    Room,
    Clock,
    ReadOnly,
}

/// The faults of one exporter; none at first. Linux only.
#[derive(Debug)]
pub(crate) struct Faults {
    file: File,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Faults {
    #[track_caller]
    pub(crate) fn new() -> Self {
        let folder = tools::folder("faults");
        let path = folder.path().join("faults");
        let file = File::create_new(&path).unwrap();
        let faults = Self {
            file,
            path,
            _folder: folder,
        };
        for fault in [Fault::SyncDelay, Fault::Clock, Fault::ReadOnly] {
            faults.set(fault, 0);
        }
        faults.set(Fault::Room, -1);
        faults
    }

    /// For [`super::Exporter::start_in`].
    pub(crate) fn environment(&self) -> Environment {
        [
            ("LD_PRELOAD", library()),
            ("TICKET_EXPORTER_TEST_FAULTS_FILE", &self.path),
        ]
        .map(|(name, path)| (name.to_owned(), path.display().to_string()))
        .into()
    }

    /// Delays every fsync by this time.
    pub(crate) fn sync_delay(&self, milliseconds: i64) {
        self.set(Fault::SyncDelay, milliseconds);
    }

    /// Limits the disk to this many further bytes. The write that exceeds the limit is cut.
    pub(crate) fn room(&self, bytes: i64) {
        self.set(Fault::Room, bytes);
    }

    /// Removes the limit.
    pub(crate) fn no_limit(&self) {
        self.set(Fault::Room, -1);
    }

    /// Sets the wall clock ahead by this time.
    pub(crate) fn clock(&self, milliseconds: i64) {
        self.set(Fault::Clock, milliseconds);
    }

    /// Sets whether the file system is read-only.
    pub(crate) fn read_only(&self, yes: bool) {
        self.set(Fault::ReadOnly, i64::from(yes));
    }

    fn set(&self, fault: Fault, value: i64) {
        let place = 8 * fault as u64;
        self.file.write_all_at(&value.to_ne_bytes(), place).unwrap();
    }
}

/// The library, compiled by the first caller.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = LIBRARY.get_or_init(|| {
        let folder = tools::folder("preload");
        let path = folder.path().join("preload.so");
        let source = tools::repository().join("tests/suite/crash/preload.c");
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-o"])
            .arg(&path)
            .arg(&source)
            .arg("-ldl")
            .output()
            .unwrap_or_else(|error| {
                panic!("cannot run cc, run tests/setup once; it installs it: {error}")
            });
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", source.display());
        assert!(said.is_empty(), "{}: {said}", source.display());
        (folder, path)
    });
    path
}
