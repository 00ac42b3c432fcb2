//! Compares random histories of a store with a map in memory.

use std::sync::Arc;

use proptest::prelude::{Strategy, any, prop, prop_oneof};
use proptest::proptest;

use super::fault::FaultyDisk;
use super::{State, StoreBatch, look, open_on};
use crate::edge::store::disk::Disk;

/// A disk without faults that does not really sync, to be fast.
fn disk() -> Arc<dyn Disk> {
    Arc::new(FaultyDisk::default())
}

#[derive(Clone, Debug)]
enum ModelStep {
    /// Keys, each with the length of its value; `None` deletes the key.
    Commit(Vec<(u8, Option<u16>)>),
    BeginRewrite,
    /// Writes all records and ends the rewrite.
    EndRewrite,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<ModelStep>> {
    let change = (any::<u8>(), prop::option::weighted(0.7, 0_u16..3000));
    let commit = prop::collection::vec(change, 0..20).prop_map(ModelStep::Commit);
    let step = prop_oneof![
        6 => commit,
        1 => proptest::strategy::Just(ModelStep::BeginRewrite),
        1 => proptest::strategy::Just(ModelStep::EndRewrite),
        2 => proptest::strategy::Just(ModelStep::Reopen),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    #[test]
    fn a_store_holds_the_same_as_a_map(steps in steps()) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let (mut model, mut store) = open_on(disk(), path).unwrap();
        let mut commits = 0;
        for step in steps {
            let mut batch = StoreBatch::default();
            match step {
                ModelStep::Commit(changes) => {
                    for (key, length) in changes {
                        change(&mut batch, &mut model, key, length, commits);
                    }
                }
                ModelStep::BeginRewrite => {
                    store.begin_rewrite();
                    continue;
                }
                ModelStep::EndRewrite => {
                    store.end_rewrite();
                    for (key, value) in &model {
                        batch.put(key, value);
                    }
                }
                ModelStep::Reopen => {
                    drop(store);
                    let loaded;
                    (loaded, store) = open_on(disk(), path).unwrap();
                    assert_eq!(loaded, model);
                    assert_eq!(store.sequence(), commits);
                    continue;
                }
            }
            store.commit(&batch).unwrap();
            commits += 1;
            assert_eq!(store.sequence(), commits);
        }
        let (read, found) = if commits > 0 { look(path).unwrap() } else { (State::new(), None) };
        assert_eq!(read, model);
        if let Some(found) = found {
            assert_eq!((found.sequence, found.bytes), (commits, store.bytes()));
            assert_eq!(found.torn, None);
        }
    }
}

fn change(batch: &mut StoreBatch, model: &mut State, key: u8, length: Option<u16>, salt: u64) {
    let key = [key];
    match length {
        Some(length) => {
            let value: Vec<u8> = (0..u64::from(length))
                .map(|at| (at * (salt + 1) % 251) as u8)
                .collect();
            batch.put(&key, &value);
            model.insert(key.to_vec(), value);
        }
        None => {
            batch.delete(&key);
            model.remove(&key[..]);
        }
    }
}
