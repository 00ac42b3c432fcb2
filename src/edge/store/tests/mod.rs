//! Tests of the whole store.

mod damage;
mod fault;
mod model;
mod power;
mod process;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::disk::{Disk, FileSystem};
use super::{LoadedStore, Store, StoreBatch, StoreDirectory, StoreError, StoreRecord, read};
use crate::domain::timestamp::Timestamp;

const VERSION: u32 = 1;
const NOW: Timestamp = Timestamp(1_767_225_600_123);

/// The caller's state in memory.
type State = BTreeMap<Vec<u8>, Vec<u8>>;

fn take(state: &mut State, record: StoreRecord<'_>) {
    match record.value {
        Some(value) => state.insert(record.key.to_vec(), value.to_vec()),
        None => state.remove(record.key),
    };
}

fn load(directory: &StoreDirectory) -> Result<(State, Option<LoadedStore>), StoreError> {
    let mut state = State::new();
    let found = directory.load(&mut |record| {
        take(&mut state, record);
        Ok(())
    })?;
    Ok((state, found))
}

fn look(path: &Path) -> Result<(State, Option<LoadedStore>), StoreError> {
    let mut state = State::new();
    let found = read(path, VERSION, &mut |record| {
        take(&mut state, record);
        Ok(())
    })?;
    Ok((state, found))
}

/// Loads the state and opens the store, or creates a store.
fn open(path: &Path) -> Result<(State, Store), StoreError> {
    open_on(Arc::new(FileSystem), path)
}

fn open_on(disk: Arc<dyn Disk>, path: &Path) -> Result<(State, Store), StoreError> {
    let directory = StoreDirectory::lock_on(disk, path, VERSION)?;
    let (state, found) = load(&directory)?;
    let store = match &found {
        Some(found) => Store::resume(directory, found)?,
        None => Store::create(directory, NOW, None)?,
    };
    Ok((state, store))
}

fn batch(changes: &[(&str, Option<&str>)]) -> StoreBatch {
    let mut batch = StoreBatch::default();
    for (key, value) in changes {
        match value {
            Some(value) => batch.put(key.as_bytes(), value.as_bytes()),
            None => batch.delete(key.as_bytes()),
        }
    }
    batch
}

fn state(pairs: &[(&str, &str)]) -> State {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect()
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_committed_state_is_loaded_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/sub/directory");
    let (empty, mut store) = open(&path).unwrap();
    assert!(empty.is_empty());
    store
        .commit(&batch(&[("a", Some("1")), ("b", Some("2"))]))
        .unwrap();
    store
        .commit(&batch(&[("a", None), ("c", Some("3"))]))
        .unwrap();
    let id = store.id();
    drop(store);
    let (loaded, store) = open(&path).unwrap();
    assert_eq!(loaded, state(&[("b", "2"), ("c", "3")]));
    assert_eq!((store.id(), store.sequence()), (id, 2));
    assert_eq!(
        names(&path),
        ["acknowledged", "lock", "segment-0000000001.log"]
    );
}

#[test]
fn a_rewrite_deletes_older_segments() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (_, mut store) = open(path).unwrap();
    for number in 0..100 {
        let value = number.to_string();
        store.commit(&batch(&[("a", Some(&value))])).unwrap();
    }
    store.commit(&batch(&[("b", Some("2"))])).unwrap();
    let before = store.bytes();
    assert!(before > 5_000, "{before}");
    store.begin_rewrite();
    store.commit(&batch(&[("a", Some("99"))])).unwrap();
    assert!(store.bytes() > before);
    store.end_rewrite();
    store.commit(&batch(&[("b", Some("2"))])).unwrap();
    assert!(store.bytes() < 500, "{}", store.bytes());
    assert_eq!(store.bytes_since_rewrite(), 0);
    store.commit(&batch(&[("c", Some("3"))])).unwrap();
    let (bytes, since) = (store.bytes(), store.bytes_since_rewrite());
    drop(store);
    assert_eq!(
        names(path),
        ["acknowledged", "lock", "segment-0000000002.log"]
    );
    let (loaded, store) = open(path).unwrap();
    assert_eq!(loaded, state(&[("a", "99"), ("b", "2"), ("c", "3")]));
    assert_eq!((store.bytes(), store.bytes_since_rewrite()), (bytes, since));
    assert!(since > 0);
}

#[test]
fn a_store_is_not_created_over_another() {
    let directory = tempfile::tempdir().unwrap();
    let (_, mut store) = open(directory.path()).unwrap();
    store.commit(&batch(&[("a", Some("1"))])).unwrap();
    let refused = Store::create(store.close(), NOW, None).unwrap_err();
    assert!(
        matches!(refused, StoreError::NotEmpty { .. }),
        "{refused:?}"
    );
}

#[test]
fn a_store_that_is_set_aside_is_kept_and_the_next_store_has_its_id() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mut id = None;
    for name in [
        "set-aside-20260101T000000.123Z",
        "set-aside-20260101T000000.123Z-2",
    ] {
        let (_, mut store) = open(path).unwrap();
        store.commit(&batch(&[("a", Some("1"))])).unwrap();
        let old = store.id();
        let locked = store.close();
        let aside = locked.set_aside(NOW, "for a test").unwrap();
        assert_eq!(aside, path.join(name));
        assert_eq!(
            names(&aside),
            ["acknowledged", "reason.txt", "segment-0000000001.log"]
        );
        assert_eq!(look(&aside).unwrap().0.get(&b"a"[..]), Some(&vec![b'1']));
        assert!(load(&locked).unwrap().1.is_none());
        let mut store = Store::create(locked, NOW, Some(old)).unwrap();
        assert_eq!(store.id(), old);
        assert!(id.is_none_or(|id| id == old));
        id = Some(old);
        store.commit(&batch(&[("b", Some("2"))])).unwrap();
        drop(store);
        assert_eq!(look(path).unwrap().0, state(&[("b", "2")]));
    }
}

#[test]
fn an_older_program_says_which_version_it_reads() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let locked = StoreDirectory::lock(path, 2).unwrap();
    let mut store = Store::create(locked, NOW, None).unwrap();
    store.commit(&batch(&[("a", Some("1"))])).unwrap();
    drop(store);
    let refused = open(path).unwrap_err().to_string();
    assert!(
        refused.contains("(state version 2, this one knows 1): use that version"),
        "{refused}"
    );
}

#[test]
fn each_record_comes_with_its_state_version() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (_, mut store) = open(path).unwrap();
    store.commit(&batch(&[("a", Some("1"))])).unwrap();
    drop(store);
    let versions = |expected: &[u32]| {
        let locked = StoreDirectory::lock(path, 2).unwrap();
        let mut versions = Vec::new();
        let found = locked.load(&mut |record| {
            versions.push(record.state_version);
            Ok(())
        });
        let found = found.unwrap().unwrap();
        assert_eq!(versions, expected);
        (found.state_version, Store::resume(locked, &found).unwrap())
    };
    let (oldest, mut store) = versions(&[1]);
    assert_eq!(oldest, 1);
    store.commit(&batch(&[("b", Some("2"))])).unwrap();
    drop(store);
    let (oldest, mut store) = versions(&[1, 2]);
    assert_eq!(oldest, 1);
    store.begin_rewrite();
    store.end_rewrite();
    store
        .commit(&batch(&[("a", Some("1")), ("b", Some("2"))]))
        .unwrap();
    drop(store);
    assert_eq!(versions(&[2, 2]).0, 2);
}

#[test]
fn a_record_that_the_caller_rejects_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    let (_, mut store) = open(directory.path()).unwrap();
    store.commit(&batch(&[("a", Some("1"))])).unwrap();
    let refused = store
        .close()
        .load(&mut |_| Err("no such ticket".into()))
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("segment-0000000001.log is damaged at byte 120: no such ticket"),
        "{refused}"
    );
}

#[test]
fn an_error_names_a_directory_that_cannot_be_written() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.as_path(), Path::new("/proc/self/checkpoint")] {
        let refused = StoreDirectory::lock(path, VERSION).unwrap_err().to_string();
        let expected = format!("cannot create {}: ", path.display());
        assert!(refused.starts_with(&expected), "{refused}");
    }
    let missing = look(&directory.path().join("missing")).unwrap_err();
    assert!(missing.to_string().starts_with("cannot read"), "{missing}");
}

#[test]
fn batches_and_stores_can_move_to_another_thread() {
    fn goes<T: Send>() {}
    goes::<StoreBatch>();
    goes::<Store>();
    goes::<StoreDirectory>();
    goes::<StoreError>();
}
