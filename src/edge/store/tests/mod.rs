//! The store as a whole.

mod model;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{Batch, Directory, Found, Record, Store, StoreError, read};
use crate::domain::timestamp::Timestamp;

const VERSION: u32 = 1;
const NOW: Timestamp = Timestamp(1_767_225_600_123);

/// What the caller of a store keeps in memory.
type State = BTreeMap<Vec<u8>, Vec<u8>>;

fn take(state: &mut State, record: Record<'_>) {
    match record.value {
        Some(value) => state.insert(record.key.to_vec(), value.to_vec()),
        None => state.remove(record.key),
    };
}

fn load(directory: &Directory) -> Result<(State, Option<Found>), StoreError> {
    let mut state = State::new();
    let found = directory.load(&mut |record| {
        take(&mut state, record);
        Ok(())
    })?;
    Ok((state, found))
}

fn look(path: &Path) -> Result<(State, Option<Found>), StoreError> {
    let mut state = State::new();
    let found = read(path, VERSION, &mut |record| {
        take(&mut state, record);
        Ok(())
    })?;
    Ok((state, found))
}

/// The state and the store, begun where there is none.
fn open(path: &Path) -> Result<(State, Store), StoreError> {
    let directory = Directory::lock(path, VERSION)?;
    let (state, found) = load(&directory)?;
    let store = match &found {
        Some(found) => directory.resume(found)?,
        None => directory.create(NOW, None)?,
    };
    Ok((state, store))
}

fn batch(changes: &[(&str, Option<&str>)]) -> Batch {
    let mut batch = Batch::default();
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
fn what_was_committed_is_there_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("made/on/the/way");
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
fn a_round_frees_what_is_older() {
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
    store.begin_round();
    store.commit(&batch(&[("a", Some("99"))])).unwrap();
    assert!(store.bytes() > before);
    store.end_round();
    store.commit(&batch(&[("b", Some("2"))])).unwrap();
    assert!(store.bytes() < 500, "{}", store.bytes());
    assert_eq!(store.bytes_since_round(), 0);
    store.commit(&batch(&[("c", Some("3"))])).unwrap();
    let (bytes, since) = (store.bytes(), store.bytes_since_round());
    drop(store);
    assert_eq!(
        names(path),
        ["acknowledged", "lock", "segment-0000000002.log"]
    );
    let (loaded, store) = open(path).unwrap();
    assert_eq!(loaded, state(&[("a", "99"), ("b", "2"), ("c", "3")]));
    assert_eq!((store.bytes(), store.bytes_since_round()), (bytes, since));
    assert!(since > 0);
}
