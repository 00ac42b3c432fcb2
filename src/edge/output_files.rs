//! Writes files for the user. A file is complete or absent, and no other content is lost unless the user
//! wants it.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// The mode of a file before the umask: other users, such as Grafana's, may read it.
const MODE: u32 = 0o666;

/// The treatment of a file that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Even one with the same content is an error.
    Refuse,
    /// One with another content is an error.
    Keep,
    Replace,
}

#[derive(Debug, thiserror::Error)]
pub enum OutputFilesError {
    #[error("{} exist already; nothing was written", paths(.0))]
    Exist(Vec<PathBuf>),
    /// The files that exist with another content.
    #[error("{} would change; nothing was written", paths(.0))]
    Different(Vec<PathBuf>),
    #[error("cannot write {path}: {source}", path = path.display())]
    Write { path: PathBuf, source: io::Error },
}

fn paths(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    names.join(", ")
}

/// Writes files, by path and text, to a folder, and creates the folder if needed. A file that has this
/// content already is left alone. Returns the paths of the files that it wrote.
///
/// # Errors
/// A file exists that [`Existing`] does not allow. Or a file cannot be written.
pub fn write(
    folder: &Path,
    files: &[(String, String)],
    existing: Existing,
) -> Result<Vec<PathBuf>, OutputFilesError> {
    let mut changed = Vec::new();
    let mut different = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(content) if content == text.as_bytes() && existing != Existing::Refuse => {}
            Ok(_) => {
                different.push(path.clone());
                changed.push((path, text));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => changed.push((path, text)),
            Err(source) => return Err(OutputFilesError::Write { path, source }),
        }
    }
    if !different.is_empty() {
        match existing {
            Existing::Refuse => return Err(OutputFilesError::Exist(different)),
            Existing::Keep => return Err(OutputFilesError::Different(different)),
            Existing::Replace => {}
        }
    }
    // All contents are on disk before the first file changes, so a full disk changes no file.
    let mut ready = Vec::new();
    for (path, text) in changed {
        match prepared(&path, text) {
            Ok(file) => ready.push((path, file)),
            Err(source) => return Err(OutputFilesError::Write { path, source }),
        }
    }
    let mut written = Vec::new();
    for (path, file) in ready {
        let persisted = match existing {
            Existing::Refuse => file.persist_noclobber(&path),
            Existing::Keep | Existing::Replace => file.persist(&path),
        };
        if let Err(error) = persisted {
            let source = error.error;
            return Err(OutputFilesError::Write { path, source });
        }
        written.push(path);
    }
    Ok(written)
}

/// A temporary file beside its final place.
fn prepared(path: &Path, text: &str) -> io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = Builder::new()
        .prefix(".ticket-exporter-")
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(texts: &[(&str, &str)]) -> Vec<(String, String)> {
        let texts = texts.iter();
        texts
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_written_once_and_readable_by_others() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("new");
        let all = files(&[("a", "1"), ("below/b", "2")]);
        let written = write(&target, &all, Existing::Keep).unwrap();
        assert_eq!(written, [target.join("a"), target.join("below/b")]);
        let mode = fs::metadata(&written[0]).unwrap().permissions().mode();
        assert_eq!(mode & 0o444, 0o444, "{mode:o}");
        assert!(write(&target, &all, Existing::Keep).unwrap().is_empty());
    }

    #[test]
    fn other_contents_are_kept_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b"), "mine").unwrap();
        let all = files(&[("a", "1"), ("b", "2")]);
        let error = write(folder.path(), &all, Existing::Keep).unwrap_err();
        assert!(error.to_string().contains("/b would change"), "{error}");
        assert_eq!(names(folder.path()), ["b"]);
        let written = write(folder.path(), &all, Existing::Replace).unwrap();
        assert_eq!(written.len(), 2);
        assert_eq!(fs::read(folder.path().join("b")).unwrap(), b"2");
        assert_eq!(names(folder.path()), ["a", "b"]);
    }

    #[test]
    fn a_file_that_exists_can_be_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b"), "2").unwrap();
        let all = files(&[("a", "1"), ("b", "2")]);
        let error = write(folder.path(), &all, Existing::Refuse).unwrap_err();
        assert!(error.to_string().contains("/b exist already"), "{error}");
        assert_eq!(names(folder.path()), ["b"]);
        fs::remove_file(folder.path().join("b")).unwrap();
        assert_eq!(
            write(folder.path(), &all, Existing::Refuse).unwrap().len(),
            2
        );
    }

    #[test]
    fn a_failure_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("below"), "a file").unwrap();
        let all = files(&[("a", "1"), ("below/b", "2")]);
        let error = write(folder.path(), &all, Existing::Keep).unwrap_err();
        assert!(error.to_string().contains("below/b: "), "{error}");
        assert_eq!(names(folder.path()), ["below"]);
    }
}
