//! Disk errors, kills and power losses at every single operation.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::fault::{Fault, FaultyDisk, Operation, after_power_loss, write_files};
use super::{State, StoreError, batch, load, look, names, open, open_on, state};
use crate::edge::store::{Store, StoreBatch, StoreDirectory};

/// Steps of the scenario that end a rewrite and write all records.
const REWRITE_ENDS: [u8; 3] = [4, 7, 9];

/// The states that a load may find after `operations`: the last confirmed state, or one that was being
/// written.
#[derive(Debug)]
struct AllowedStates {
    operations: usize,
    allowed: Vec<State>,
}

/// Commits with rewrites, each tried until it succeeds or the process dies.
fn scenario(disk: &FaultyDisk, path: &Path) -> Vec<AllowedStates> {
    let mut history = vec![AllowedStates {
        operations: 0,
        allowed: vec![State::new()],
    }];
    let Ok((mut now, mut store)) = open_on(Arc::new(disk.clone()), path) else {
        return history;
    };
    for step in 1..=9_u8 {
        let (changes, next) = changes(step, &now);
        // The third rewrite replaces the second and takes one commit.
        if [3, 5, 7, 8].contains(&step) {
            store.begin_rewrite();
        }
        if REWRITE_ENDS.contains(&step) {
            store.end_rewrite();
        }
        if !commit(disk, &mut store, &changes, (&now, &next), &mut history) {
            break;
        }
        now = next;
    }
    history
}

fn changes(step: u8, now: &State) -> (StoreBatch, State) {
    let mut next = now.clone();
    let mut batch = StoreBatch::with_chunks_of(100);
    if REWRITE_ENDS.contains(&step) {
        now.iter().for_each(|(key, value)| batch.put(key, value));
    }
    for key in 0..step {
        let noise = xxh3_64_with_seed(&[key], u64::from(step)).to_le_bytes();
        let value = noise.repeat(usize::from(key));
        batch.put(&[key], &value);
        next.insert(vec![key], value);
    }
    batch.delete(&[step - 1]);
    next.remove(&[step - 1][..]);
    (batch, next)
}

/// Returns whether the commit was confirmed.
fn commit(
    disk: &FaultyDisk,
    store: &mut Store,
    batch: &StoreBatch,
    (now, next): (&State, &State),
    history: &mut Vec<AllowedStates>,
) -> bool {
    history.push(AllowedStates {
        operations: disk.done().len(),
        allowed: vec![now.clone(), next.clone()],
    });
    for _ in 0..3 {
        if store.commit(batch).is_ok() {
            history.push(AllowedStates {
                operations: disk.done().len(),
                allowed: vec![next.clone()],
            });
            return true;
        }
    }
    false
}

/// Number of operations of the scenario without a fault.
fn operations() -> usize {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    scenario(&disk, directory.path());
    disk.count()
}

#[test]
fn a_killed_process_leaves_the_last_state() {
    for at in 0..operations() {
        let directory = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::new(at, Fault::Dies);
        let history = scenario(&disk, directory.path());
        let (loaded, _) = open_on(Arc::new(FaultyDisk::default()), directory.path()).unwrap();
        let allowed = &history.last().unwrap().allowed;
        assert!(allowed.contains(&loaded), "killed at operation {at}");
    }
}

#[test]
fn no_commit_is_lost_after_an_error() {
    for at in 0..operations() {
        let directory = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::new(at, Fault::Fails);
        let history = scenario(&disk, directory.path());
        if history.len() == 1 {
            continue; // the lock failed with an error
        }
        assert_eq!(
            history.len(),
            19,
            "a commit failed for good: operation {at}"
        );
        let (loaded, found) = look(directory.path()).unwrap();
        assert_eq!(history.last().unwrap().allowed, [loaded], "operation {at}");
        assert_eq!(found.unwrap().sequence, 9);
    }
}

#[test]
fn a_power_loss_leaves_the_last_state() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let history = scenario(&disk, directory.path());
    for seed in 0..8 {
        lose_power(&disk.done(), directory.path(), &history, seed, 1);
    }
}

/// A write or a sync fails, writing goes on, and then the power fails.
#[test]
fn a_power_loss_after_an_error_leaves_the_last_state() {
    for at in 0..operations() {
        let directory = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::new(at, Fault::Fails);
        let history = scenario(&disk, directory.path());
        lose_power(&disk.done(), directory.path(), &history, at as u64, 3);
    }
}

fn lose_power(
    operations: &[Operation],
    path: &Path,
    history: &[AllowedStates],
    seed: u64,
    every: usize,
) {
    for length in (0..=operations.len()).step_by(every) {
        let mut draws = 0_u64;
        let keeps = || {
            draws += 1;
            xxh3_64_with_seed(&draws.to_le_bytes(), seed ^ (length as u64) << 32) % 2 == 1
        };
        let files = after_power_loss(&operations[..length], path, keeps);
        let after = tempfile::tempdir().unwrap();
        write_files(&files, after.path());
        let expected_states = history
            .iter()
            .rfind(|one| one.operations <= length)
            .unwrap();
        let disk = Arc::new(FaultyDisk::default());
        let where_ = format!("after operation {length}, seed {seed}");
        let (loaded, mut store) = match open_on(disk.clone(), after.path()) {
            Ok(opened) => opened,
            Err(error) => panic!("{error}, {where_}"),
        };
        assert!(
            expected_states.allowed.contains(&loaded),
            "a wrong state {where_}"
        );
        // The store can be written again.
        store.commit(&batch(&[("x", Some("1"))])).unwrap();
        drop(store);
        let (again, _) = open_on(disk, after.path()).unwrap();
        let mut expected = loaded;
        expected.extend(state(&[("x", "1")]));
        assert!(again == expected, "not written {where_}");
    }
}

/// The system may treat data as written that is not on the disk, and report that only once.
#[test]
fn a_file_whose_sync_failed_is_not_written_to_again() {
    let mut failed = 0;
    for at in 0..operations() {
        let directory = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::new(at, Fault::Fails);
        scenario(&disk, directory.path());
        let done = disk.done();
        let Some(place) = done
            .iter()
            .position(|one| matches!(one, Operation::FailedSync(_)))
        else {
            continue;
        };
        let Operation::FailedSync(path) = &done[place] else {
            continue;
        };
        failed += 1;
        for later in &done[place..] {
            assert!(
                !matches!(later, Operation::Write(written, ..) if written == path),
                "operation {at}"
            );
        }
    }
    assert_eq!(failed, 9, "one for each commit");
}

#[test]
fn a_full_disk_is_named_and_commits_succeed_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let (_, mut store) = open_on(Arc::new(disk.clone()), directory.path()).unwrap();
    for (kind, advice) in [
        (ErrorKind::StorageFull, "free some space"),
        (ErrorKind::ReadOnlyFilesystem, "mount it writable"),
    ] {
        disk.fail_with(Some(kind));
        for begins_rewrite in [false, true] {
            if begins_rewrite {
                store.begin_rewrite();
            }
            let error = store.commit(&batch(&[("a", Some("2"))])).unwrap_err();
            assert!(error.to_string().contains(advice), "{error}");
        }
        disk.fail_with(None);
        store.commit(&batch(&[("a", Some("1"))])).unwrap();
    }
    drop(store);
    let (loaded, store) = open(directory.path()).unwrap();
    assert_eq!((loaded, store.sequence()), (state(&[("a", "1")]), 2));
}

/// If setting aside stops midway, the rest is not taken for a store.
#[test]
fn a_store_partly_set_aside_is_damaged_and_set_aside_again() {
    for at in 0.. {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let (_, mut store) = open(path).unwrap();
        store.commit(&batch(&[("a", Some("1"))])).unwrap();
        store.begin_rewrite();
        store.commit(&batch(&[("b", Some("1"))])).unwrap();
        drop(store);
        let disk = Arc::new(FaultyDisk::new(at, Fault::Dies));
        let locked = StoreDirectory::lock_on(disk, path, 1).unwrap();
        let done = locked.set_aside(super::NOW, "a test").is_ok();
        drop(locked);
        let locked = StoreDirectory::lock(path, 1).unwrap();
        match load(&locked) {
            Ok((loaded, Some(_))) => assert_eq!(loaded, state(&[("a", "1"), ("b", "1")])),
            Ok((_, None)) => {
                let aside = path.join("set-aside-20260101T000000.123Z");
                assert_eq!(
                    names(&aside),
                    [
                        "acknowledged",
                        "reason.txt",
                        "segment-0000000001.log",
                        "segment-0000000002.log"
                    ]
                );
            }
            Err(StoreError::Corrupt { .. }) => {
                locked.set_aside(super::NOW, "again").unwrap();
                assert!(load(&locked).unwrap().1.is_none());
            }
            Err(other) => panic!("{other}"),
        }
        if done {
            break;
        }
    }
}
