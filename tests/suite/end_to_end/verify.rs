//! `verify` accepts right numbers and finds wrong ones.

use std::process::Output;

use ticket_exporter::domain::timestamp::Timestamp;

use super::{
    PATIENCE, SimulatedTopic, close, file, helpdesk_config, helpdesk_config_on_event_time, path,
    run, simulate, text, to_topic, wait_for_counters,
};
use crate::harness::{Exporter, Kafka, Received, Record, Scrape};

/// Runs `verify` with a configuration on the exporter's store, or with `--url` on the exporter.
#[track_caller]
fn verify(exporter: &Exporter, config: &str, more: &[&str]) -> Output {
    let config = file(config.as_bytes());
    let directory = exporter.folder().join("data");
    let directory = format!("checkpoint.directory={}", directory.display());
    let mut arguments = vec![
        "verify",
        "--config.file",
        path(&config),
        "--set",
        &directory,
    ];
    arguments.extend(more);
    run(&arguments, b"")
}

/// Expects equality and returns the number of series and of records.
#[track_caller]
fn equal(output: &Output) -> (usize, usize) {
    let said = text(&output.stdout);
    let complaints = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}\n{complaints}");
    let words: Vec<&str> = said.split_whitespace().collect();
    match words[..] {
        [series, "series", "equal,", "from", records, "records"] => {
            (series.parse().unwrap(), records.parse().unwrap())
        }
        _ => panic!("{said}"),
    }
}

/// Expects exit code 1 and returns standard output and standard error.
#[track_caller]
fn unequal(output: &Output) -> (String, String) {
    let said = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said:?}");
    said
}

/// Writes two days of the helpdesk. Returns a time after all of its events.
#[track_caller]
fn write_helpdesk(kafka: &Kafka, topic: &str, seed: u32, date: &str) -> Timestamp {
    let from = format!("{date}T00:00:00Z");
    let target = to_topic(kafka, topic);
    simulate(&format!("--seed {seed} --from {from} --for 2d {target}"));
    Timestamp::parse(&from).unwrap().plus(3 * 24 * 3_600_000)
}

/// Waits until a checkpoint has everything in the topic.
#[track_caller]
fn wait_for_end(exporter: &Exporter, kafka: &Kafka, topic: &str) -> Scrape {
    let end = kafka.ends(topic).values().sum::<i64>().to_string();
    exporter.wait_for_metrics("a checkpoint of everything", PATIENCE, |scrape| {
        let samples = scrape.metric("ticket_exporter_checkpoint_offset").samples();
        let read: f64 = samples.iter().map(|sample| sample.value).sum();
        if read.to_string() == end {
            scrape.metric("ticket_exporter_caught_up").check(1.0)
        } else {
            Err(format!("{read} records of {end}; log\n{}", exporter.logs()))
        }
    })
}

#[test]
fn numbers_are_equal_after_a_kill_and_duplicates() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("verified", 4);
    let config = helpdesk_config_on_event_time(kafka, &topic);
    write_helpdesk(kafka, &topic, 5, "2026-03-02");
    let mut exporter = Exporter::start(&[], &config);
    exporter.wait_ready(PATIENCE);
    exporter.kill9();

    // All records again, and then new ones.
    let again = kafka.consume(&topic);
    let repeat = |record: &Received| {
        let (key, value) = (record.key.clone().unwrap(), record.value.clone().unwrap());
        Record::keyed(key, value).partition(record.partition)
    };
    kafka.produce(&topic, again.iter().map(repeat));
    let end = write_helpdesk(kafka, &topic, 5, "2026-03-16");
    let clock = close(kafka, &topic, end);
    let records = kafka.consume(&topic);
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    let scrape = wait_for_end(&exporter, kafka, &topic);
    assert_eq!(super::clock(&scrape), Ok(clock));

    let url = exporter.url("/metrics");
    let (served, read) = equal(&verify(&exporter, &config, &["--url", &url]));
    assert!(served > 1_000, "only {served} series");
    assert_eq!(read, records.len());
    // The store during and after writes.
    assert_eq!(equal(&verify(&exporter, &config, &[])), (served, read));
    exporter.stop(PATIENCE);
    assert_eq!(equal(&verify(&exporter, &config, &[])), (served, read));

    // The exporter has stopped.
    let (said, complaint) = unequal(&verify(&exporter, &config, &["--url", &url]));
    assert!(
        said.is_empty() && complaint.contains("cannot read the metrics of the exporter: "),
        "{complaint}"
    );
}

#[test]
fn wall_clocks_are_taken_over() {
    let helpdesk = SimulatedTopic::shared();
    let config = helpdesk.config();
    let mut exporter = Exporter::start(&[], &config);
    exporter.wait_ready(PATIENCE);
    let url = exporter.url("/metrics");
    let (series, records) = equal(&verify(&exporter, &config, &["--url", &url]));
    assert!(series > 1_000 && records > 20_000, "{series}, {records}");
    assert_eq!(exporter.get("/-/ready").status, 200);
    let (kept, _) = equal(&verify(&exporter, &config, &[]));
    assert_eq!(kept, series);
}

#[test]
fn other_rules_give_other_numbers() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("falsified", 2);
    let config = helpdesk_config_on_event_time(kafka, &topic);
    let end = write_helpdesk(kafka, &topic, 6, "2026-03-02");
    let clock = close(kafka, &topic, end);
    let mut exporter = Exporter::start(&[], &config);
    exporter.wait_ready(PATIENCE);
    wait_for_counters(&exporter, &config, &kafka.consume(&topic), clock);
    let url = exporter.url("/metrics");

    let stricter = ["--set", "csat.good=1"];
    for source in [vec![], vec!["--url", &url]] {
        let more = [&stricter[..], &source].concat();
        let (said, _) = unequal(&verify(&exporter, &config, &more));
        let mut lines = said.lines();
        let summary = lines.next().unwrap();
        assert!(summary.contains(" series differ, "), "{said}");
        assert_eq!(lines.next(), Some(""));
        let head: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
        assert_eq!(head, ["series", "exporter", "recomputed"]);
        let all = [&more[..], &["--all"]].concat();
        let (everything, _) = unequal(&verify(&exporter, &config, &all));
        let rows: Vec<&str> = everything.lines().skip(3).collect();
        let count: usize = summary.split(' ').next().unwrap().parse().unwrap();
        assert_eq!(rows.len(), count, "{everything}");
        assert!(rows.is_sorted(), "{everything}");
        for row in &rows {
            let about_ratings = row.starts_with("ticket_csat_ratings_total{")
                || row.contains("event=\"csat_good\"");
            assert!(about_ratings, "{row}");
            let [.., there, recomputed] = row.split_whitespace().collect::<Vec<_>>()[..] else {
                panic!("{row}");
            };
            assert_ne!(there, recomputed);
        }
    }
}

#[test]
fn missing_data_is_reported() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("shortened", 2);
    let config = helpdesk_config(kafka, &topic);
    let mut exporter = Exporter::start(&[], &config);
    let (_, complaint) = unequal(&verify(&exporter, &config, &["--url", &exporter.url("/")]));
    assert!(complaint.contains("not the exposition"), "{complaint}");
    write_helpdesk(kafka, &topic, 7, "2026-03-02");
    exporter.wait_ready(PATIENCE);
    let ends = kafka.ends(&topic);
    wait_for_end(&exporter, kafka, &topic);
    exporter.stop(PATIENCE);

    let other = verify(&exporter, &config, &["--set", "kafka.topics=another"]);
    assert_eq!(other.status.code(), Some(78));
    let complaint = text(&other.stderr);
    assert!(complaint.contains("no longer read"), "{complaint}");

    kafka.delete_records(&topic, 1, 100);
    let (said, complaint) = unequal(&verify(&exporter, &config, &[]));
    let reason = format!("partition {topic}/1 starts at offset 100");
    assert!(complaint.contains(&reason), "{complaint}");
    assert!(
        said.contains("ticket_agent_wait_seconds") && said.contains("more; --all prints them"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 3 + 20 + 1, "{said}");

    kafka.delete_records(&topic, 0, ends[&0]);
    let (_, complaint) = unequal(&verify(&exporter, &config, &[]));
    let reason = format!("partition {topic}/0 starts at offset {}", ends[&0]);
    assert!(complaint.contains(&reason), "{complaint}");

    kafka.delete_topic(&topic);
    kafka.create_topic(&topic, 2, &[]);
    let (said, complaint) = unequal(&verify(&exporter, &config, &[]));
    let reason = "ends at offset 0, but was counted up to offset";
    assert!(said.is_empty() && complaint.contains(reason), "{complaint}");

    kafka.delete_topic(&topic);
    kafka.create_topic(&topic, 1, &[]);
    let (said, complaint) = unequal(&verify(&exporter, &config, &[]));
    let reason = format!("{topic}/1 is counted there, but no longer exists");
    assert!(
        said.is_empty() && complaint.contains(&reason),
        "{complaint}"
    );

    let nowhere = ["--set", "checkpoint.directory=nowhere"];
    let (_, complaint) = unequal(&verify(&exporter, &config, &nowhere));
    let missing = [
        "there is no checkpoint in ",
        "/nowhere (checkpoint.directory)",
    ];
    let is_said = missing.iter().all(|words| complaint.contains(words));
    assert!(is_said, "{complaint}");
}
