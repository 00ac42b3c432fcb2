//! Retention deletes processed records and the control records after them. The exporter does not take that
//! for a loss.

use super::{SECOND, answered};
use crate::crash::{
    STOPPED_WITHIN, created, reply, start, target_config, wait_for_end, wait_for_truth_of,
};
use crate::end_to_end::{PATIENCE, group_of, lines, now, wait_for_reason};
use crate::harness::{Exporter, Kafka, Record};

/// The end of the topic.
#[derive(Clone, Copy, PartialEq)]
enum Tail {
    Committed,
    /// Records without a transaction, and after them those of an aborted one.
    Aborted,
}

fn tickets(name: &str) -> Vec<Record> {
    let tickets = (0..5).flat_map(|number| {
        let (ticket, at) = (format!("{name}-{number}"), now().minus(60 * SECOND));
        [created(&ticket, at), reply(&ticket, at.plus(SECOND))]
    });
    tickets.map(|record| record.partition(0)).collect()
}

/// A topic that ends with a control record, and an exporter that has read it.
fn read(name: &str, tail: Tail) -> (&'static Kafka, String, String, Exporter) {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic(name, 1);
    match tail {
        Tail::Committed => kafka.produce_in_transaction(&topic, tickets("first"), true),
        Tail::Aborted => {
            kafka.produce(&topic, tickets("first"));
            kafka.produce_in_transaction(&topic, tickets("aborted"), false);
        }
    }
    let config = target_config(kafka, &topic, "8s");
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    wait_for_end(&exporter, kafka, &topic);
    (kafka, topic, config, exporter)
}

/// Asserts that the exporter continues with the numbers of all records so far and counts new ones.
#[track_caller]
fn nothing_is_lost(
    kafka: &Kafka,
    topic: &str,
    config: &str,
    exporter: &mut Exporter,
    mut all: Vec<u8>,
) {
    exporter.wait_ready(PATIENCE);
    wait_for_truth_of(exporter, config, &kafka.ends(topic), &all);
    kafka.produce_in_transaction(topic, answered("later", 0), true);
    all.extend(lines(&kafka.consume(topic)));
    wait_for_truth_of(exporter, config, &kafka.ends(topic), &all);
    let lost = exporter
        .metrics()
        .metric("ticket_exporter_lost_records_total")
        .sum();
    assert_eq!(lost, 0.0, "{}", exporter.logs());
}

/// Retention deletes everything, including the control record, while the exporter is stopped.
#[track_caller]
fn survives_a_stop(name: &str, tail: Tail) {
    let (kafka, topic, config, mut exporter) = read(name, tail);
    let all = lines(&kafka.consume(&topic));
    exporter.stop(STOPPED_WITHIN);
    let ends = kafka.ends(&topic);
    assert_eq!(kafka.committed(group_of(&config), &topic), ends);
    kafka.delete_records(&topic, 0, ends[&0]);
    exporter.restart();
    nothing_is_lost(kafka, &topic, &config, &mut exporter, all);
}

/// Retention deletes everything while the exporter runs and other members join and leave its group.
#[track_caller]
fn survives_a_rebalance(name: &str, tail: Tail) {
    let (kafka, topic, config, mut exporter) = read(name, tail);
    let all = lines(&kafka.consume(&topic));
    // The group assigns the new partition to the second member, and then to the first.
    let mut second = start(&config);
    wait_for_reason(&second, "waiting for partitions");
    kafka.delete_records(&topic, 0, kafka.ends(&topic)[&0]);
    kafka.add_partitions(&topic, 2);
    wait_for_reason(&second, "not owned");
    second.stop(STOPPED_WITHIN);
    exporter.wait_for_metrics("both partitions", PATIENCE, |scrape| {
        let assigned = scrape.metric("ticket_exporter_partitions_assigned");
        match assigned.try_value()? {
            2.0 => Ok(()),
            count => Err(format!("{count}")),
        }
    });
    nothing_is_lost(kafka, &topic, &config, &mut exporter, all);
}

#[test]
fn of_a_commit_marker_while_it_was_stopped() {
    survives_a_stop("marker-stop", Tail::Committed);
}

#[test]
fn of_a_commit_marker_in_a_rebalance() {
    survives_a_rebalance("marker-rebalance", Tail::Committed);
}

#[test]
fn of_an_aborted_tail_while_it_was_stopped() {
    survives_a_stop("aborted-stop", Tail::Aborted);
}

#[test]
fn of_an_aborted_tail_in_a_rebalance() {
    survives_a_rebalance("aborted-rebalance", Tail::Aborted);
}

/// The last checkpoint before the kill is past the control record.
#[test]
fn of_a_commit_marker_after_a_kill() {
    let (kafka, topic, config, mut exporter) = read("marker-kill", Tail::Committed);
    let all = lines(&kafka.consume(&topic));
    exporter.kill9();
    kafka.delete_records(&topic, 0, kafka.ends(&topic)[&0]);
    exporter.restart();
    nothing_is_lost(kafka, &topic, &config, &mut exporter, all);
}
