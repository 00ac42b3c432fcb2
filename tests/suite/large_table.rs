//! A measurement, not a test: the memory in which a table of a gigabyte is imported and replayed.
//!
//! `cargo test --release --test with_tools -- --ignored --nocapture a_gigabyte`

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ticket_exporter::domain::timestamp::Timestamp;

use crate::harness::{self, launch};

const BYTES: u64 = 1 << 30;
const MOST_MEMORY: u64 = 300 << 20;
const ROWS: u64 = 2_500_000;
/// Coprime with the number of rows, so that the rows are in no order of time.
const STEP: u64 = 1_299_709;
/// Between the tickets: all rows are those of three years.
const INTERVAL: u64 = 3 * 365 * 86_400_000 / ROWS;
/// 2023-01-01.
const FIRST: u64 = 1_672_531_200_000;
const CONFIG: &str = "mapping: { preset: zendesk-csv }\n";

/// Writes tickets with four events each. The subject fills the rows.
fn write_table(path: &Path) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    writeln!(
        file,
        "Id,Group,Status,Priority,Via,Subject,Created at,Updated at,Initially assigned at,Solved at,\
         First reply time in minutes"
    )
    .unwrap();
    for row in 0..ROWS {
        let ticket = row * STEP % ROWS;
        let at = |minutes: u64| {
            let milliseconds = FIRST + ticket * INTERVAL + minutes * 60_000;
            Timestamp(i64::try_from(milliseconds).unwrap()).rfc3339()
        };
        let (created, assigned, solved) = (at(0), at(10), at(600 + ticket % 9_000));
        writeln!(
            file,
            "{ticket},Team {},Solved,Normal,Mail,\"{:300}\",{created},{solved},{assigned},{solved},{}",
            ticket % 40,
            format!("The printer \"\"{ticket}\"\" makes a noise"),
            ticket % 500,
        )
        .unwrap();
    }
    file.flush().unwrap();
}

/// Runs a command to its end, and returns its largest memory in bytes.
#[allow(clippy::print_stdout, reason = "a measurement")]
fn peak(folder: &Path, arguments: &[&str]) -> u64 {
    let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
    let environment = [("TMPDIR".to_owned(), folder.display().to_string())].into();
    let started = Instant::now();
    let mut process = launch(&arguments, &environment, folder);
    let status = format!("/proc/{}/status", process.id());
    let mut most = 0;
    let ended = loop {
        if let Some(ended) = process.ended() {
            break ended;
        }
        let text = fs::read_to_string(&status).unwrap_or_default();
        // A process that has ended has no memory.
        if let Some(line) = text.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
            most = line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10;
        }
        thread::sleep(Duration::from_millis(20));
    };
    assert!(ended.success(), "{}", process.last_lines());
    println!(
        "{arguments:?}: {} MiB, {:.0?}",
        most >> 20,
        started.elapsed()
    );
    most
}

#[test]
#[ignore = "long: a measurement of some minutes, with some gigabytes on the disk"]
fn a_gigabyte_of_rows_takes_little_memory() {
    let folder = harness::folder("large-table");
    let folder = folder.path();
    fs::write(folder.join("config.yaml"), CONFIG).unwrap();
    let table = folder.join("tickets.csv");
    write_table(&table);
    let bytes = fs::metadata(&table).unwrap().len();
    assert!(bytes >= BYTES, "{bytes} bytes");
    let config = ["--config.file", "config.yaml", "--strict"];
    let import = ["import", "--output", "events.jsonl", "tickets.csv"];
    let replay = ["replay", "--format", "table", "tickets.csv"];
    for command in [&import, &replay] {
        let most = peak(folder, &[&command[..], &config].concat());
        assert!(most <= MOST_MEMORY, "{command:?}: {most} bytes");
    }
    let events = fs::metadata(folder.join("events.jsonl")).unwrap();
    assert!(events.len() > 4 * 50 * ROWS);
}
