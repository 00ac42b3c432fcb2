//! Changes of every byte of the files.

use std::fs;
use std::path::Path;

use super::{NOW, State, StoreDirectory, StoreError, VERSION, batch, load, names, open, state};
use crate::edge::store::{Store, StoreBatch, StoreId};

/// Writes a small store with a rewrite, two needed segments, and a commit of several parts. Returns
/// every state, beginning with the empty one.
fn scenario(path: &Path) -> Vec<State> {
    let (mut now, mut store) = open(path).unwrap();
    let mut states = vec![now.clone()];
    for step in 1..=9_u8 {
        let mut batch = StoreBatch::with_chunks_of(40);
        match step {
            3 | 6 => store.begin_rewrite(),
            4 => store.end_rewrite(),
            _ => {}
        }
        let everything = now.clone();
        if step == 4 {
            everything
                .iter()
                .for_each(|(key, value)| batch.put(key, value));
        }
        for key in 0..step {
            let value = vec![step; usize::from(key) * 9];
            batch.put(&[key], &value);
            now.insert(vec![key], value);
        }
        batch.delete(&[step / 2]);
        now.remove(&[step / 2][..]);
        store.commit(&batch).unwrap();
        states.push(now.clone());
    }
    drop(store);
    assert_eq!(
        names(path),
        [
            "acknowledged",
            "lock",
            "segment-0000000002.log",
            "segment-0000000003.log"
        ]
    );
    states
}

/// Which of the states a load returns; `None` for damage. Panics if it is another state.
fn outcome(directory: &StoreDirectory, states: &[State]) -> Option<usize> {
    match load(directory) {
        Ok((loaded, found)) => {
            let sequence = found.map_or(0, |found| usize::try_from(found.sequence).unwrap());
            assert!(
                loaded == states[sequence],
                "a wrong state for checkpoint {sequence}"
            );
            Some(sequence)
        }
        Err(StoreError::Corrupt { .. }) => None,
        Err(other) => panic!("{other}"),
    }
}

struct Case {
    _directory: tempfile::TempDir,
    locked: StoreDirectory,
    states: Vec<State>,
}

impl Case {
    fn new(acknowledged: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let states = scenario(directory.path());
        if !acknowledged {
            fs::remove_file(directory.path().join("acknowledged")).unwrap();
        }
        Self {
            locked: StoreDirectory::lock(directory.path(), VERSION).unwrap(),
            _directory: directory,
            states,
        }
    }

    fn outcome(&self) -> Option<usize> {
        outcome(&self.locked, &self.states)
    }

    /// Replaces a file with each of its changed versions; returns the number and the outcome of each.
    fn try_all(
        &self,
        name: &str,
        change: impl Fn(&[u8], usize) -> Option<Vec<u8>>,
    ) -> Vec<(usize, Option<usize>)> {
        let path = self.locked.path().join(name);
        let bytes = fs::read(&path).unwrap();
        let mut outcomes = Vec::new();
        for number in 0.. {
            let Some(changed) = change(&bytes, number) else {
                break;
            };
            fs::write(&path, changed).unwrap();
            outcomes.push((number, self.outcome()));
        }
        fs::write(&path, bytes).unwrap();
        assert_eq!(self.outcome(), Some(9));
        outcomes
    }
}

fn flipped(bytes: &[u8], bit: usize) -> Option<Vec<u8>> {
    let mut changed = bytes.to_vec();
    *changed.get_mut(bit / 8)? ^= 1 << (bit % 8);
    Some(changed)
}

fn cut(bytes: &[u8], length: usize) -> Option<Vec<u8>> {
    (length < bytes.len()).then(|| bytes[..length].to_vec())
}

#[test]
fn a_changed_bit_is_found() {
    let case = Case::new(true);
    for segment in ["segment-0000000002.log", "segment-0000000003.log"] {
        for (bit, outcome) in case.try_all(segment, flipped) {
            assert_eq!(outcome, None, "bit {bit} of {segment}");
        }
    }
    for (bit, outcome) in case.try_all("acknowledged", flipped) {
        assert_eq!(outcome, Some(9), "bit {bit} of acknowledged");
    }
}

/// Without the file, a change in the last commit looks like an unfinished commit.
#[test]
fn a_changed_bit_without_the_acknowledged_sequence_costs_at_most_the_last_checkpoint() {
    let case = Case::new(false);
    for segment in ["segment-0000000002.log", "segment-0000000003.log"] {
        let outcomes = case.try_all(segment, flipped);
        assert!(outcomes.iter().any(|(_, outcome)| outcome.is_none()));
        for (bit, outcome) in outcomes {
            assert!(
                matches!(outcome, None | Some(8)),
                "bit {bit} of {segment}: {outcome:?}"
            );
        }
    }
}

#[test]
fn a_cut_file_is_found() {
    let case = Case::new(true);
    for segment in ["segment-0000000002.log", "segment-0000000003.log"] {
        for (length, outcome) in case.try_all(segment, cut) {
            assert_eq!(outcome, None, "{segment} of {length} bytes");
        }
    }
    for (length, outcome) in case.try_all("acknowledged", cut) {
        assert_eq!(outcome, Some(9), "acknowledged of {length} bytes");
    }
}

/// After a power loss `acknowledged` may be old or missing, so a cut log is an earlier state.
#[test]
fn a_cut_file_without_the_acknowledged_sequence_is_an_earlier_state() {
    let case = Case::new(false);
    let outcomes = case.try_all("segment-0000000003.log", cut);
    let reached: Vec<Option<usize>> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    for sequence in 5..=8 {
        assert!(reached.contains(&Some(sequence)), "{sequence}");
    }
    assert!(reached.is_sorted(), "{reached:?}");
    for (length, outcome) in case.try_all("segment-0000000002.log", cut) {
        assert_eq!(outcome, None, "the older segment of {length} bytes");
    }
}

#[test]
fn a_missing_file_is_found() {
    let case = Case::new(true);
    let path = case.locked.path();
    let aside = tempfile::tempdir().unwrap();
    let segments = ["segment-0000000002.log", "segment-0000000003.log"];
    for segment in segments {
        let kept = aside.path().join(segment);
        fs::rename(path.join(segment), &kept).unwrap();
        assert_eq!(case.outcome(), None, "without {segment}");
        fs::copy(&kept, path.join(segment)).unwrap();
    }
    assert_eq!(case.outcome(), Some(9));
    for segment in segments {
        fs::remove_file(path.join(segment)).unwrap();
    }
    let error = load(&case.locked).unwrap_err().to_string();
    assert!(
        error.contains("none of its 9 checkpoints is left"),
        "{error}"
    );
}

#[test]
fn an_unfinished_commit_is_dropped_reported_and_overwritten() {
    let mut later = batch(&[("later", Some("1"))]);
    later.delete(&[8]);
    let bytes_of_a_commit = {
        let case = Case::new(true);
        let path = case.locked.path().join("segment-0000000003.log");
        let length = fs::metadata(&path).unwrap().len();
        let found = load(&case.locked).unwrap().1.unwrap();
        let mut store = Store::resume(case.locked, &found).unwrap();
        store.commit(&later).unwrap();
        fs::read(&path)
            .unwrap()
            .split_off(usize::try_from(length).unwrap())
    };
    let cut = bytes_of_a_commit[..bytes_of_a_commit.len() - 1].to_vec();
    for tail in [cut, vec![0; 5000], vec![0xff; 100], b"TEF\x01".repeat(200)] {
        let case = Case::new(true);
        let path = case.locked.path().join("segment-0000000003.log");
        let mut bytes = fs::read(&path).unwrap();
        let offset = bytes.len() as u64;
        bytes.extend(&tail);
        fs::write(&path, bytes).unwrap();
        assert_eq!(case.outcome(), Some(9));
        let found = load(&case.locked).unwrap().1.unwrap();
        let torn = found.torn.clone().unwrap();
        assert_eq!((torn.offset, torn.bytes), (offset, tail.len() as u64));
        assert_eq!(torn.file, path);
        let mut store = Store::resume(case.locked, &found).unwrap();
        store.commit(&later).unwrap();
        let (loaded, found) = load(&store.close()).unwrap();
        let mut expected = case.states[9].clone();
        expected.extend(state(&[("later", "1")]));
        expected.remove(&[8][..]);
        assert_eq!(loaded, expected);
        assert_eq!(found.unwrap().torn, None);
    }
}

/// A power loss may keep the end of an unfinished commit and lose its middle.
#[test]
fn a_hole_in_an_unfinished_commit_is_no_damage() {
    let case = Case::new(true);
    let found = load(&case.locked).unwrap().1.unwrap();
    let path = case.locked.path().to_owned();
    let segment = path.join("segment-0000000003.log");
    let acknowledged = fs::read(path.join("acknowledged")).unwrap();
    let before = usize::try_from(fs::metadata(&segment).unwrap().len()).unwrap();
    let mut store = Store::resume(case.locked, &found).unwrap();
    let mut large = StoreBatch::with_chunks_of(40);
    for key in 0..20 {
        large.put(&[key], &[key; 30]);
    }
    store.commit(&large).unwrap();
    drop(store);
    fs::write(path.join("acknowledged"), acknowledged).unwrap();
    let locked = StoreDirectory::lock(&path, VERSION).unwrap();
    let bytes = fs::read(&segment).unwrap();
    for hole in before..bytes.len() - 1 {
        let mut torn = bytes.clone();
        torn[hole..bytes.len().min(hole + 50)].fill(0);
        fs::write(&segment, torn).unwrap();
        assert_eq!(outcome(&locked, &case.states), Some(9), "hole at {hole}");
    }
}

#[test]
fn segments_of_another_store_are_rejected() {
    let case = Case::new(true);
    let other = Case::new(true);
    for segment in ["segment-0000000002.log", "segment-0000000003.log"] {
        let path = case.locked.path().join(segment);
        let own = fs::read(&path).unwrap();
        fs::copy(other.locked.path().join(segment), &path).unwrap();
        assert_eq!(case.outcome(), None, "{segment}");
        fs::write(&path, own).unwrap();
    }
    fs::copy(
        other.locked.path().join("acknowledged"),
        case.locked.path().join("acknowledged"),
    )
    .unwrap();
    assert_eq!(case.outcome(), None);
}

/// A file from a copy of the store has the same id and numbers, and another history.
#[test]
fn segments_of_another_history_are_rejected() {
    let common = tempfile::tempdir().unwrap();
    let (_, mut store) = open(common.path()).unwrap();
    store.commit(&batch(&[("a", Some("1"))])).unwrap();
    drop(store);
    let history = |value| {
        let directory = tempfile::tempdir().unwrap();
        for name in names(common.path()) {
            fs::copy(common.path().join(&name), directory.path().join(&name)).unwrap();
        }
        let (_, mut store) = open(directory.path()).unwrap();
        store.commit(&batch(&[("a", Some(value))])).unwrap();
        store.begin_rewrite();
        store.commit(&batch(&[("b", Some(value))])).unwrap();
        directory
    };
    let (one, other) = (history("1"), history("2"));
    let file = "segment-0000000002.log";
    fs::copy(other.path().join(file), one.path().join(file)).unwrap();
    let error = open(one.path()).unwrap_err().to_string();
    assert!(
        error.contains("segment-0000000001.log is damaged at byte")
            && error.contains("it does not contain checkpoint 2, which"),
        "{error}"
    );
}

/// Every frame contains the checksum of the frame before.
#[test]
fn a_checkpoint_of_another_history_is_rejected() {
    let history = |value| {
        let directory = tempfile::tempdir().unwrap();
        let locked = StoreDirectory::lock(directory.path(), VERSION).unwrap();
        let mut store = Store::create(locked, NOW, Some(StoreId([7; 16]))).unwrap();
        let mut ends = Vec::new();
        for value in ["0", value, "2"] {
            store.commit(&batch(&[("a", Some(value))])).unwrap();
            ends.push(usize::try_from(store.bytes()).unwrap());
        }
        (directory, ends)
    };
    let ((one, ends), (other, _)) = (history("1"), history("9"));
    let segment = "segment-0000000001.log";
    let mut bytes = fs::read(one.path().join(segment)).unwrap();
    let foreign = fs::read(other.path().join(segment)).unwrap();
    bytes[ends[0]..ends[1]].copy_from_slice(&foreign[ends[0]..ends[1]]);
    fs::write(one.path().join(segment), bytes).unwrap();
    let error = open(one.path()).unwrap_err().to_string();
    let place = format!("is damaged at byte {}", ends[1]);
    assert!(error.contains(&place), "{error}");
}
