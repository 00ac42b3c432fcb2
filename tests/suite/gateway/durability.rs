//! Every request that got 200 is in the topic: after kills, an outage of the broker, and a stop under load.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Gateway, PATIENCE, config, send, values};
use crate::harness::{Kafka, Signal, eventually};

const HOOKS: &str = "{ open: { auth: none } }";
const RELOADED: &str = "configuration reloaded";
const SENDERS: usize = 8;
const KILLS: usize = 8;
/// The timeout of the gateway is 3 s. The machine may be busy.
const LONGEST_ANSWER: Duration = Duration::from_secs(8);

/// Senders that send as fast as they get answers, until they are stopped.
struct Load {
    stop: Arc<AtomicBool>,
    accepted: Arc<AtomicU64>,
    senders: Vec<JoinHandle<Sent>>,
}

#[derive(Default)]
struct Sent {
    accepted: BTreeSet<String>,
    refused: u64,
    /// Statuses that no sender should see here.
    unexpected: Vec<u16>,
    longest: Duration,
}

impl Load {
    fn start(port: u16) -> Self {
        let (stop, accepted) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let senders = (0..SENDERS).map(|sender| {
            let (stop, accepted) = (Arc::clone(&stop), Arc::clone(&accepted));
            thread::spawn(move || send_until(sender, port, &stop, &accepted))
        });
        Self {
            senders: senders.collect(),
            stop,
            accepted,
        }
    }

    /// Waits until this many more requests are accepted.
    #[track_caller]
    fn wait_for(&self, more: u64) {
        let goal = self.accepted.load(Ordering::Relaxed) + more;
        eventually("accepted requests", PATIENCE, || {
            let now = self.accepted.load(Ordering::Relaxed);
            (now >= goal)
                .then_some(())
                .ok_or(format!("{now} of {goal}"))
        });
    }

    fn finish(self) -> Sent {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Sent::default();
        for sender in self.senders {
            let sent = sender.join().unwrap();
            all.accepted.extend(sent.accepted);
            all.refused += sent.refused;
            all.unexpected.extend(sent.unexpected);
            all.longest = all.longest.max(sent.longest);
        }
        assert!(all.unexpected.is_empty(), "{:?}", all.unexpected);
        all
    }
}

fn send_until(sender: usize, port: u16, stop: &AtomicBool, accepted: &AtomicU64) -> Sent {
    let mut sent = Sent::default();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let body = format!("{{\"id\":\"{sender}-{number}\"}}");
        let started = Instant::now();
        match send(port, "open", &[], body.as_bytes()) {
            Ok(response) => match response.status {
                200 => {
                    sent.accepted.insert(body);
                    accepted.fetch_add(1, Ordering::Relaxed);
                }
                503 => {
                    assert_eq!(response.header("retry-after"), "5");
                    sent.refused += 1;
                }
                other => sent.unexpected.push(other),
            },
            // The process is gone.
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
        sent.longest = sent.longest.max(started.elapsed());
    }
    sent
}

#[track_caller]
fn assert_all_written(kafka: &Kafka, topic: &str, sent: &Sent) {
    let records = kafka.consume(topic);
    let written = values(&records);
    let lost: Vec<&String> = sent.accepted.difference(&written).collect();
    assert!(lost.is_empty(), "{} lost: {:?}", lost.len(), lost.first());
    // A record has the key of its ticket, and the order of a ticket's records is that of the answers.
    assert!(records.iter().all(|record| !record.key_text().is_empty()));
}

#[test]
fn kills_under_load_lose_no_accepted_request() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("killed", 3);
    let mut gateway = Gateway::start(kafka, &topic, HOOKS);
    let load = Load::start(gateway.port);
    for _ in 0..KILLS {
        load.wait_for(200);
        gateway.exporter.kill9();
        gateway.exporter.restart();
    }
    load.wait_for(200);
    let sent = load.finish();
    assert!(sent.accepted.len() > 200 * KILLS);
    assert_all_written(kafka, &topic, &sent);
}

#[test]
fn an_outage_of_the_broker_loses_nothing_and_blocks_no_sender() {
    let mut kafka = Kafka::start();
    kafka.create_topic("outage", 3, &[]);
    let mut gateway = Gateway::start(&kafka, "outage", HOOKS);
    let load = Load::start(gateway.port);
    for kill in [true, false] {
        load.wait_for(200);
        if kill {
            kafka.kill();
        } else {
            kafka.stop();
        }
        eventually("not ready", PATIENCE, || {
            let answer = gateway.exporter.get("/-/ready");
            (answer.status == 503).then_some(()).ok_or(answer.text())
        });
        thread::sleep(Duration::from_secs(5));
        kafka.restart();
        gateway.exporter.wait_ready(PATIENCE);
    }
    load.wait_for(200);
    let sent = load.finish();
    assert!(sent.refused > 0, "no request met the outage");
    assert!(sent.longest < LONGEST_ANSWER, "{:?}", sent.longest);
    assert_all_written(&kafka, "outage", &sent);
}

#[test]
fn reloads_under_load_lose_and_refuse_no_request() {
    let kafka = Kafka::shared();
    let topics = [kafka.new_topic("load-a", 1), kafka.new_topic("load-b", 1)];
    let mut gateway = Gateway::start(kafka, &topics[0], HOOKS);
    let load = Load::start(gateway.port);
    for topic in [&topics[1], &topics[0], &topics[1]] {
        load.wait_for(200);
        let before = gateway.exporter.logs().matches(RELOADED).count();
        let config = config(kafka, topic, gateway.port, HOOKS);
        gateway.exporter.write_config(&config);
        gateway.exporter.signal(Signal::Hup);
        eventually("the reload", PATIENCE, || {
            let logs = gateway.exporter.logs();
            (logs.matches(RELOADED).count() > before)
                .then_some(())
                .ok_or(logs)
        });
    }
    load.wait_for(200);
    let sent = load.finish();
    let [first, second] = topics.map(|topic| values(&kafka.consume(&topic)));
    assert!(first.len() > 100 && second.len() > 100);
    assert!(sent.accepted.is_subset(&(&first | &second)));
    assert_eq!(sent.refused, 0);
}

#[test]
fn a_stop_answers_every_request_in_progress() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("stopped", 1);
    let mut gateway = Gateway::start(kafka, &topic, HOOKS);
    let load = Load::start(gateway.port);
    load.wait_for(200);
    gateway.exporter.signal(Signal::Term);
    let status = gateway.exporter.wait(PATIENCE);
    assert!(status.success(), "{}", gateway.exporter.logs());
    let sent = load.finish();
    assert_all_written(kafka, &topic, &sent);
    assert_eq!(sent.refused, 0);
}

#[test]
fn a_missing_topic_is_named() {
    let kafka = Kafka::start();
    let port = crate::harness::free_port();
    let config = format!(
        "kafka: {{ brokers: [{}], topics: [missing] }}\n\
         gateway: {{ listen: [\"127.0.0.1:{port}\"], timeout: 1s, hooks: {HOOKS} }}\n",
        kafka.bootstrap()
    );
    let mut exporter = crate::harness::Exporter::start(&["gateway"], &config);
    eventually("the reason", PATIENCE, || {
        let answer = exporter.get("/-/ready").text();
        let is_named = answer.contains("topic missing does not exist");
        is_named.then_some(()).ok_or(answer)
    });
    assert_eq!(send(port, "open", &[], b"{}").unwrap().status, 503);
    kafka.create_topic("missing", 1, &[]);
    exporter.wait_ready(PATIENCE);
    assert_eq!(send(port, "open", &[], b"{}").unwrap().status, 200);
}
