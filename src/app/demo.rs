//! The demo: an embedded broker, a topic with a history, and new events at a multiple of real time. The
//! exporter's clock runs at the same speed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::domain::timestamp::{Milliseconds, Timestamp};
use crate::edge::kafka::{EmbeddedBroker, KafkaConnection, Publisher, StartError};
use crate::edge::wall_clock::{self, TimeSource};
use crate::simulation::{Profile, SimulatedEvent, SimulatedEvents, SimulatedHelpdesk};

pub const TOPIC: &str = "tickets";
/// The embedded broker keeps 5 MiB per partition: eight partitions hold months of compressed history.
const PARTITIONS: i32 = 8;
/// Longest wait for the delivery of the history.
const HISTORY_PATIENCE: Duration = Duration::from_secs(60);
/// Time between two looks for due events: invisible at any speed.
const TICK: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug)]
pub struct DemoOptions {
    pub seed: u64,
    pub speed_up: f64,
    pub history: Milliseconds,
}

/// Why the demo cannot start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("embedded broker: {0}")]
    Broker(#[from] StartError),
    #[error("history: {0} events were not delivered: {1}")]
    History(u64, String),
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

pub struct RunningDemo {
    broker: EmbeddedBroker,
    clock: FastClock,
    history_events: u64,
    stop: Arc<AtomicBool>,
    worker: JoinHandle<()>,
}

/// A clock that starts at the wall clock's time and runs faster.
#[derive(Clone, Copy, Debug)]
struct FastClock {
    began: Instant,
    at: Timestamp,
    speed_up: f64,
}

impl TimeSource for FastClock {
    fn now(&self) -> Timestamp {
        TimeSource::at(self, Instant::now())
    }

    fn at(&self, instant: Instant) -> Timestamp {
        let real = instant.saturating_duration_since(self.began);
        #[allow(
            clippy::cast_possible_truncation,
            reason = "saturates: far beyond any demo"
        )]
        let passed = (real.as_secs_f64() * self.speed_up * 1_000.0) as i64;
        self.at.plus(passed)
    }
}

/// Fills the topic and starts the helpdesk.
pub fn start(options: &DemoOptions) -> Result<RunningDemo, DemoError> {
    let broker = EmbeddedBroker::start(&[(TOPIC, PARTITIONS)])?;
    let connection = KafkaConnection {
        brokers: vec![broker.bootstrap()],
        ..KafkaConnection::default()
    };
    let now = wall_clock::now();
    let mut events = SimulatedHelpdesk::new(options.seed, Profile::default())
        .events(now.minus(options.history), None);

    let mut publisher = Publisher::start(&connection, TOPIC)?;
    let mut history_events = 0;
    let mut first = None;
    for event in events.by_ref() {
        if event.at >= now {
            first = Some(event);
            break;
        }
        send(&mut publisher, &event);
        history_events += 1;
    }
    let report = publisher.finish(HISTORY_PATIENCE);
    if report.failed > 0 {
        return Err(DemoError::History(
            report.failed,
            report.reason.unwrap_or_default(),
        ));
    }

    let publisher = Publisher::start(&connection, TOPIC)?;
    let clock = FastClock {
        began: Instant::now(),
        at: now,
        speed_up: options.speed_up,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let worker = thread::Builder::new()
        .name("desk".to_owned())
        .spawn(move || work(publisher, first, events, clock, &stopped))?;
    Ok(RunningDemo {
        broker,
        clock,
        history_events,
        stop,
        worker,
    })
}

impl RunningDemo {
    pub fn bootstrap(&self) -> String {
        self.broker.bootstrap()
    }

    /// The helpdesk's time, for the exporter.
    pub fn clock(&self) -> Arc<dyn TimeSource> {
        Arc::new(self.clock)
    }

    pub fn history_events(&self) -> u64 {
        self.history_events
    }

    /// Stops the helpdesk, then the broker.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        // A panic of the worker has been reported; the broker must stop anyway.
        let _ = self.worker.join();
    }
}

fn work(
    mut publisher: Publisher,
    first: Option<SimulatedEvent>,
    events: SimulatedEvents,
    clock: FastClock,
    stop: &AtomicBool,
) {
    for event in first.into_iter().chain(events) {
        while clock.now() < event.at {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            thread::sleep(TICK);
        }
        send(&mut publisher, &event);
    }
}

fn send(publisher: &mut Publisher, event: &SimulatedEvent) {
    publisher.send(
        event.ticket_id.as_bytes(),
        event.json.as_bytes(),
        event.at.0,
    );
}
