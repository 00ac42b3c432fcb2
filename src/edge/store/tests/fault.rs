//! A disk that fails, and the files that a power loss leaves.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::edge::store::disk::{Disk, FileSystem, OutputFile};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// One operation fails, and later ones succeed. Half of a failed write is done.
    Fails,
    /// The operation and all later ones fail, as after a kill. Half of a failed write is done.
    Dies,
}

/// An operation that was done.
#[derive(Clone, Debug)]
pub enum Operation {
    Create(PathBuf),
    Write(PathBuf, u64, Vec<u8>),
    Length(PathBuf, u64),
    Sync(PathBuf),
    /// Earlier writes are not on the disk, and no later sync writes them.
    FailedSync(PathBuf),
    Rename,
    Remove(PathBuf),
    SyncDirectory(PathBuf),
}

#[derive(Debug, Default)]
struct FaultPlan {
    /// The operation that fails, and how.
    at: Option<(usize, Fault)>,
    kind: Option<io::ErrorKind>,
    count: usize,
    done: Vec<Operation>,
}

/// The real file system with a fault.
#[derive(Clone, Debug, Default)]
pub struct FaultyDisk(Arc<Mutex<FaultPlan>>);

impl FaultyDisk {
    pub fn new(at: usize, fault: Fault) -> Self {
        let disk = Self::default();
        disk.plan().at = Some((at, fault));
        disk
    }

    /// From now on every operation fails with this error, or none fails.
    pub fn fail_with(&self, kind: Option<io::ErrorKind>) {
        self.plan().kind = kind;
    }

    /// Number of operations so far.
    pub fn count(&self) -> usize {
        self.plan().count
    }

    /// The operations done so far.
    pub fn done(&self) -> Vec<Operation> {
        self.plan().done.clone()
    }

    fn plan(&self) -> MutexGuard<'_, FaultPlan> {
        self.0.lock().unwrap()
    }

    /// Whether the next operation succeeds.
    fn step(&self) -> io::Result<()> {
        let mut plan = self.plan();
        let number = plan.count;
        plan.count += 1;
        let hit = match plan.at {
            Some((at, Fault::Fails)) => number == at,
            Some((at, Fault::Dies)) => number >= at,
            None => false,
        };
        match plan.kind {
            Some(kind) => Err(kind.into()),
            None if hit => Err(io::Error::other("injected")),
            None => Ok(()),
        }
    }

    /// Whether the operation that has just failed is half done.
    fn is_half_done(&self) -> bool {
        let plan = self.plan();
        plan.at.is_some_and(|(at, _)| plan.count == at + 1)
    }

    fn did(&self, operation: Operation) {
        self.plan().done.push(operation);
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn OutputFile>> {
        self.step()?;
        let file = FileSystem.create(path)?;
        self.did(Operation::Create(path.to_owned()));
        Ok(Box::new(self.output(file, path)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OutputFile>> {
        self.step()?;
        Ok(Box::new(self.output(FileSystem.open(path)?, path)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        FileSystem.rename(from, to)?;
        self.did(Operation::Rename);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        FileSystem.remove(path)?;
        self.did(Operation::Remove(path.to_owned()));
        Ok(())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        self.did(Operation::SyncDirectory(path.to_owned()));
        Ok(())
    }
}

impl FaultyDisk {
    fn output(&self, file: Box<dyn OutputFile>, path: &Path) -> FaultyOutput {
        FaultyOutput {
            disk: self.clone(),
            path: path.to_owned(),
            file,
        }
    }
}

#[derive(Debug)]
struct FaultyOutput {
    disk: FaultyDisk,
    path: PathBuf,
    file: Box<dyn OutputFile>,
}

impl FaultyOutput {
    fn write(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_at(bytes, offset)?;
        let operation = Operation::Write(self.path.clone(), offset, bytes.to_vec());
        self.disk.did(operation);
        Ok(())
    }
}

impl OutputFile for FaultyOutput {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let result = self.disk.step();
        if result.is_ok() {
            self.write(bytes, offset)
        } else {
            if self.disk.is_half_done() {
                self.write(&bytes[..bytes.len() / 2], offset)?;
            }
            result
        }
    }

    fn set_length(&mut self, length: u64) -> io::Result<()> {
        self.disk.step()?;
        self.file.set_length(length)?;
        self.disk.did(Operation::Length(self.path.clone(), length));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let result = self.disk.step();
        self.disk.did(match result {
            Ok(()) => Operation::Sync(self.path.clone()),
            Err(_) => Operation::FailedSync(self.path.clone()),
        });
        result
    }
}

/// A power loss undoes or keeps a write in parts of this size.
const PAGE: usize = 512;

/// The files after a power loss: synced data is there, and `keeps` decides for each other part whether
/// it is. A file may have grown without its contents, which are zeros then.
pub fn after_power_loss(
    operations: &[Operation],
    directory: &Path,
    mut keeps: impl FnMut() -> bool,
) -> BTreeMap<String, Vec<u8>> {
    let synced_later = |from: usize, path: &Path| {
        let mut syncs = operations[from..].iter().filter_map(|one| match one {
            Operation::Sync(synced) if synced == path => Some(true),
            Operation::FailedSync(failed) if failed == path => Some(false),
            _ => None,
        });
        syncs.next() == Some(true)
    };
    let directory_synced_later = |from: usize| {
        operations[from..]
            .iter()
            .any(|one| matches!(one, Operation::SyncDirectory(synced) if synced == directory))
    };
    let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    let mut lost: BTreeMap<PathBuf, bool> = BTreeMap::new();
    for (at, operation) in operations.iter().enumerate() {
        match operation {
            Operation::Create(path) => {
                files.insert(path.clone(), Vec::new());
                lost.insert(path.clone(), !directory_synced_later(at) && !keeps());
            }
            Operation::Write(path, offset, bytes) => {
                let file = files.entry(path.clone()).or_default();
                let offset = usize::try_from(*offset).unwrap();
                let whole = synced_later(at, path);
                for (piece, bytes) in bytes.chunks(PAGE).enumerate() {
                    let start = offset + piece * PAGE;
                    let here = whole || keeps();
                    if !here && !keeps() {
                        continue;
                    }
                    if file.len() < start + bytes.len() {
                        file.resize(start + bytes.len(), 0);
                    }
                    if here {
                        file[start..start + bytes.len()].copy_from_slice(bytes);
                    }
                }
            }
            Operation::Length(path, length) => {
                if synced_later(at, path) || keeps() {
                    let length = usize::try_from(*length).unwrap();
                    files.entry(path.clone()).or_default().resize(length, 0);
                }
            }
            Operation::Remove(path) => {
                if directory_synced_later(at) || keeps() {
                    files.remove(path);
                }
            }
            Operation::Sync(_) | Operation::FailedSync(_) | Operation::SyncDirectory(_) => {}
            Operation::Rename => panic!("renames are not replayed"),
        }
    }
    files.retain(|path, _| lost.get(path) != Some(&true));
    files
        .into_iter()
        .map(|(path, bytes)| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, bytes)
        })
        .collect()
}

/// Writes the files into a directory.
pub fn write_files(files: &BTreeMap<String, Vec<u8>>, directory: &Path) {
    for (name, bytes) in files {
        fs::write(directory.join(name), bytes).unwrap();
    }
}
