//! Transactional producers: control records, aborted records, and transactions that stay open. With the
//! exporter's binary and a real Kafka.

mod hanging;
mod load;
mod retention;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::crash::{created, reply};
use crate::end_to_end::now;
use crate::harness::{Kafka, Record};

const SECOND: i64 = 1_000;

/// Transactions, each with one answered ticket for each of its partitions.
struct Load {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy)]
struct Pace {
    partitions: i32,
    /// The time that each stays open after its records were written.
    open: Duration,
    /// The time from the end of one to the start of the next.
    pause: Duration,
}

impl Load {
    fn start(kafka: &'static Kafka, topic: &str, pace: Pace) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, topic) = (Arc::clone(&stop), topic.to_owned());
        let thread = thread::spawn(move || {
            let producer = kafka.transactions();
            let mut round = 0;
            while !stopped.load(Ordering::Relaxed) {
                producer.begin();
                let tickets = (0..pace.partitions)
                    .flat_map(|partition| answered(&format!("{topic}-{round}"), partition));
                producer.send(&topic, tickets);
                thread::sleep(pace.open);
                producer.commit();
                thread::sleep(pace.pause);
                round += 1;
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A ticket that is answered at once.
fn answered(name: &str, partition: i32) -> [Record; 2] {
    let (ticket, at) = (format!("{name}-{partition}"), now());
    [created(&ticket, at), reply(&ticket, at)].map(|record| record.partition(partition))
}
