//! Random histories against a map in memory.

use std::sync::Arc;

use proptest::prelude::{Strategy, any, prop, prop_oneof};
use proptest::proptest;

use super::fault::FaultyDisk;
use super::{State, StoreBatch, look, open_on};
use crate::edge::store::disk::Disk;

/// One without faults, which does not really sync: here time matters, and the power stays on.
fn disk() -> Arc<dyn Disk> {
    Arc::new(FaultyDisk::default())
}

#[derive(Clone, Debug)]
enum Step {
    /// Keys, each with a length of its value or nothing to delete it.
    Commit(Vec<(u8, Option<u16>)>),
    BeginRewrite,
    /// Writes everything and ends the round.
    EndRewrite,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = (any::<u8>(), prop::option::weighted(0.7, 0_u16..3000));
    let commit = prop::collection::vec(change, 0..20).prop_map(Step::Commit);
    let step = prop_oneof![
        6 => commit,
        1 => proptest::strategy::Just(Step::BeginRewrite),
        1 => proptest::strategy::Just(Step::EndRewrite),
        2 => proptest::strategy::Just(Step::Reopen),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    #[test]
    fn holds_what_a_map_holds(steps in steps()) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let (mut model, mut store) = open_on(disk(), path).unwrap();
        let mut commits = 0;
        for step in steps {
            let mut batch = StoreBatch::default();
            match step {
                Step::Commit(changes) => {
                    for (key, length) in changes {
                        change(&mut batch, &mut model, key, length, commits);
                    }
                }
                Step::BeginRewrite => {
                    store.begin_rewrite();
                    continue;
                }
                Step::EndRewrite => {
                    store.end_rewrite();
                    for (key, value) in &model {
                        batch.put(key, value);
                    }
                }
                Step::Reopen => {
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
