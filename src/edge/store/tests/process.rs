//! Real processes and files: locks, kills, a file size limit, and a reader beside the writer.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::{State, StoreDirectory, StoreError, VERSION, batch, look, names, open};
use crate::edge::store::StoreBatch;

/// The variables with the task and the path for the second process.
const TASK: &str = "TICKET_EXPORTER_STORE_TEST";
const PATH: &str = "TICKET_EXPORTER_STORE_TEST_PATH";
const KEYS: u64 = 50;

/// All values are the number of the checkpoint, so a partial checkpoint is noticed.
fn numbered(number: u64) -> StoreBatch {
    let mut batch = StoreBatch::with_chunks_of(200);
    for key in 0..KEYS {
        batch.put(&key.to_le_bytes(), &number.to_le_bytes().repeat(3));
    }
    batch
}

fn number(state: &State) -> u64 {
    let numbers: Vec<u64> = state
        .values()
        .map(|value| u64::from_le_bytes(*value.first_chunk().unwrap()))
        .collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] == pair[1]),
        "{numbers:?}"
    );
    numbers.first().copied().unwrap_or_default()
}

/// Starts a second process, which runs one test.
fn second(task: &str, path: &Path) -> Child {
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\""])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "edge::store::tests::process::a_second_process"])
        .args(["--nocapture", "--ignored"])
        .env(TASK, task)
        .env(PATH, path)
        .stdout(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
#[ignore = "started by the tests that need a second process"]
fn a_second_process() {
    let (Ok(task), Some(path)) = (env::var(TASK), env::var_os(PATH)) else {
        return;
    };
    let path = Path::new(&path);
    match task.as_str() {
        "write" => {
            let (state, mut store) = open(path).unwrap();
            let mut next = number(&state) + 1;
            loop {
                match next % 10 {
                    3 => store.begin_rewrite(),
                    4 => store.end_rewrite(),
                    _ => {}
                }
                store.commit(&numbered(next)).unwrap();
                println!("\ncommitted {next}");
                next += 1;
            }
        }
        "fill" => fill(path),
        other => panic!("no task {other}"),
    }
}

/// Writes until the file reaches its size limit.
fn fill(path: &Path) {
    let (_, mut store) = open(path).unwrap();
    let mut committed = 0_u64;
    let noise = |number: u64| -> Vec<u8> {
        let words = (0..4000_u64).map(|at| (at + number).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        words
            .flat_map(|word| (word ^ word >> 31).to_le_bytes())
            .collect()
    };
    let error = loop {
        let mut batch = numbered(committed + 1);
        batch.put(b"noise", &noise(committed));
        match store.commit(&batch) {
            Ok(()) => committed += 1,
            Err(error) => break error,
        }
    };
    println!("\nerror {error}");
    assert!(committed > 3);
    let (mut state, _) = look(path).unwrap();
    state.remove(&b"noise"[..]);
    assert_eq!(number(&state), committed);
    // A smaller commit still fits, because the failed one was removed.
    store.commit(&batch(&[("small", Some("1"))])).unwrap();
    let (mut state, found) = look(path).unwrap();
    assert!(state.remove(&b"small"[..]).is_some());
    assert_eq!(found.unwrap().torn, None);
    println!("\nfilled {committed}");
}

#[test]
fn a_file_at_its_size_limit_keeps_its_checkpoints() {
    let directory = tempfile::tempdir().unwrap();
    let child = second("fill", directory.path());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("error cannot write "), "{text}");
    assert!(text.contains("filled "), "{text}");
}

#[test]
fn a_killed_writer_leaves_every_confirmed_checkpoint_and_no_lock() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mut before = 0;
    for kill_after in [1, 2, 5, 13, 24] {
        let mut child = second("write", path);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut confirmed = 0;
        let numbers = lines.map_while(Result::ok).filter_map(|line| {
            let number = line.strip_prefix("committed ")?;
            number.parse::<u64>().ok()
        });
        for number in numbers {
            if confirmed == 0 {
                assert_eq!(number, before + 1);
                let refused = StoreDirectory::lock(path, VERSION).unwrap_err();
                match &refused {
                    StoreError::Locked { process, .. } => assert_eq!(*process, Some(child.id())),
                    other => panic!("{other}"),
                }
            }
            confirmed = number;
            if number >= before + kill_after {
                child.kill().unwrap();
                break;
            }
        }
        child.wait().unwrap();
        let (state, _) = look(path).unwrap();
        before = number(&state);
        // The writer may have confirmed more before it was killed.
        assert!(before >= confirmed, "{before} of {confirmed}");
    }
    let (state, _) = open(path).unwrap();
    assert_eq!(number(&state), before);
    assert!(names(path).len() < 6, "{:?}", names(path));
}

#[test]
fn a_reader_beside_the_writer_sees_only_whole_checkpoints() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (_, mut store) = open(path).unwrap();
    store.commit(&numbered(1)).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut next = 2;
            while !stop.load(Ordering::Relaxed) {
                match next % 6 {
                    0 => store.begin_rewrite(),
                    1 => store.end_rewrite(),
                    _ => {}
                }
                store.commit(&numbered(next)).unwrap();
                next += 1;
            }
        });
        let mut last = 0;
        let mut moved = 0;
        // Enough to see rewrites begin and end. The limit is for a writer that has failed.
        let mut looks = 0..20_000;
        let outcome = looks.try_for_each(|_| {
            if moved > 100 {
                return Ok(());
            }
            let (state, found) = look(path)?;
            let now = number(&state);
            if now < last || found.is_none_or(|found| found.sequence != now) {
                return Err(StoreError::corrupt(path, now, "a wrong state"));
            }
            moved += u32::from(now > last);
            last = now;
            Ok(())
        });
        stop.store(true, Ordering::Relaxed);
        outcome.unwrap();
        assert!(moved > 100, "{moved}");
    });
}

/// A file may be deleted after it was listed and before it is opened.
#[test]
fn a_reader_tries_again_before_it_reports_damage() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (_, mut store) = open(path).unwrap();
    store.commit(&numbered(1)).unwrap();
    let segment = path.join("segment-0000000001.log");
    let aside = path.join("aside");
    fs::rename(&segment, &aside).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            fs::rename(&aside, &segment).unwrap();
        });
        assert_eq!(number(&look(path).unwrap().0), 1);
    });
    fs::remove_file(&segment).unwrap();
    assert!(matches!(look(path), Err(StoreError::Corrupt { .. })));
}

#[test]
fn other_users_cannot_read_records() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let (_, mut store) = open(&path).unwrap();
    store.commit(&numbered(1)).unwrap();
    for name in names(&path) {
        let mode = fs::metadata(path.join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}
