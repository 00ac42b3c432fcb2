//! kill -9 at any time, again and again, while a client scrapes.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use ticket_exporter::domain::timestamp::Timestamp;

use super::watch::Watch;
use super::{Simulation, close, offsets, start, wait_for_truth_of};
use crate::end_to_end::{
    PATIENCE, Values, helpdesk_config_on_event_time, is_cumulative, lines, series,
};
use crate::harness::{
    Exporter, Kafka, Prometheus, PrometheusOptions, Protocol, Received, eventually,
};
use crate::stories::dice::Dice;

const SEED: u64 = 50;
/// While events arrive; at the end at the producer's full rate.
const KILLS: usize = 44;
/// How often retention deletes records that a checkpoint has.
const RETENTIONS: usize = 4;
/// After the last event.
const IDLE_KILLS: usize = 6;

/// The history takes several kills to catch up with. Then some hundred seconds of live events follow.
const EVENTS: &str = "--seed 21 --load 45000 --from 2026-01-05T00:00:00Z \
                      --live-from 2026-01-05T10:00:00Z --for 90d --pace 2800/s";
const LEAST_EVENTS: i64 = 500_000;

/// Sometimes before the process has read or written anything, otherwise after up to four seconds.
fn gap(dice: &mut Dice) -> Duration {
    let milliseconds = if dice.chance(30) {
        200 + dice.below(300)
    } else {
        500 + dice.below(3_500)
    };
    Duration::from_millis(milliseconds.unsigned_abs())
}

fn kill(exporter: &mut Exporter, times: usize, dice: &mut Dice) {
    for _ in 0..times {
        thread::sleep(gap(dice));
        exporter.kill9();
        exporter.restart();
    }
}

/// The topic loses records that a checkpoint has. After a kill they can only come from the store.
#[derive(Default)]
struct Kept {
    records: Vec<Received>,
    next: BTreeMap<i32, i64>,
}

impl Kept {
    /// All records of the topic, including those that it has lost.
    fn keep(&mut self, kafka: &Kafka, topic: &str) {
        for record in kafka.consume(topic) {
            let next = self.next.entry(record.partition).or_default();
            if record.offset >= *next {
                assert_eq!(record.offset, *next, "lost before the test has read it");
                *next += 1;
                self.records.push(record);
            }
        }
        // In the topic's order: by partition, then by offset.
        self.records
            .sort_by_key(|record| (record.partition, record.offset));
    }

    fn lose(&mut self, kafka: &Kafka, topic: &str, exporter: &mut Exporter) {
        exporter.wait_ready(PATIENCE);
        let stored = offsets(&exporter.metrics());
        self.keep(kafka, topic);
        for (partition, offset) in stored {
            kafka.delete_records(topic, partition, offset);
        }
    }
}

#[test]
fn fifty_kills_change_nothing() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("kills", 4);
    let config = helpdesk_config_on_event_time(kafka, &topic);
    let simulation = Simulation::start(kafka, &topic, EVENTS);
    let mut exporter = start(&config);
    let watch = Watch::start(&exporter);
    let options = PrometheusOptions {
        protocols: vec![Protocol::Text],
        ..PrometheusOptions::default()
    };
    let prometheus = Prometheus::start(&[exporter.address()], &options);

    let mut dice = Dice::new(SEED);
    let mut kept = Kept::default();
    for _ in 0..RETENTIONS {
        kill(&mut exporter, KILLS / RETENTIONS, &mut dice);
        kept.lose(kafka, &topic, &mut exporter);
    }
    simulation.finish();
    kill(&mut exporter, IDLE_KILLS, &mut dice);
    close(
        kafka,
        &topic,
        Timestamp::parse("2026-05-01T00:00:00Z").unwrap(),
    );
    let events: i64 = kafka.ends(&topic).values().sum();
    assert!(events > LEAST_EVENTS, "only {events} events");

    exporter.wait_ready(PATIENCE);
    kept.keep(kafka, &topic);
    let lines = lines(&kept.records);
    let truth = wait_for_truth_of(&exporter, &config, &kafka.ends(&topic), &lines);
    let seen = watch.finish();
    println!(
        "seed {SEED}, {events} events: {seen:?}",
        seen = (seen.served, seen.risen, seen.withheld)
    );
    assert!(seen.risen > 40, "seen rising only {} times", seen.risen);
    assert_prometheus_saw(&prometheus, &truth);
}

/// Every counter has exactly the right value and never fell, so `increase()` over any range is right.
#[track_caller]
fn assert_prometheus_saw(prometheus: &Prometheus, truth: &Values) {
    let stored = || {
        let selector = "{__name__=~\"ticket_.+_(total|bucket|count|sum)\",\
                        __name__!~\"ticket_exporter_.+\"}";
        prometheus.samples(selector, "20m")
    };
    let name = |series: &str| series.split('{').next().unwrap_or_default().to_owned();
    let counters = truth
        .keys()
        .filter(|series| is_cumulative(&name(series)))
        .count();
    let complete = eventually("the last scrape", PATIENCE, || {
        let stored = stored();
        for (labels, points) in &stored {
            let series = series(&labels["__name__"], labels);
            let last = points.last().map(|(_, value)| *value);
            if last != truth.get(&series).copied() {
                return Err(format!(
                    "{series} is {last:?}, not {:?}",
                    truth.get(&series)
                ));
            }
        }
        match stored.len() {
            count if count == counters => Ok(stored),
            count => Err(format!("{count} series of {counters}")),
        }
    });
    for (labels, points) in &complete {
        let fallen = points.windows(2).find(|pair| pair[1].1 < pair[0].1);
        assert!(fallen.is_none(), "{labels:?} fell: {fallen:?}");
    }
    let resets = prometheus.value("sum(resets(ticket_created_total[20m]))");
    assert_eq!(resets, 0.0, "resets as Prometheus counts them");
}

/// Every scrape during kills equals a replay of the records up to the offsets that the same scrape names.
#[test]
fn every_scrape_is_right_for_its_offsets() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("prefixes", 1);
    // Without lateness the clock is at the last event, so `--until` leaves none out.
    let config =
        helpdesk_config_on_event_time(kafka, &topic).replace("lateness: 5s", "lateness: 0s");
    let simulation = Simulation::start(kafka, &topic, super::LIVELY);
    let mut exporter = start(&config);
    let mut scrapes = Vec::new();
    for _ in 0..8 {
        exporter.wait_ready(PATIENCE);
        thread::sleep(Duration::from_millis(700));
        scrapes.push(exporter.metrics());
        exporter.kill9();
        exporter.restart();
    }
    simulation.finish();
    let records = kafka.consume(&topic);
    let mut different = BTreeSet::new();
    for scrape in &scrapes {
        let offset = offsets(scrape)[&0];
        let read = usize::try_from(offset).unwrap();
        let clock = super::clock_of(scrape).unwrap();
        let lines = lines(&records[..read]);
        let expected = super::kpis(&super::replay(&config, &lines, clock));
        crate::end_to_end::assert_same(
            &format!("the first {read} records"),
            &super::kpis(scrape),
            &expected,
        );
        different.insert(offset);
    }
    assert!(different.len() > 4, "it did not move on: {different:?}");
}
