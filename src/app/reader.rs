//! The reading thread: everything from the restored state to the stop, and from one configuration
//! to the next.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};
use xxhash_rust::xxh3::xxh3_64;

use super::ingest::{Change, Failed, Ingest, IngestError, Lost, Pause, State, Timing, leave};
use super::orders::{Order, Orders};
use super::recovery::recover;
use super::schemas;
use super::serve::{Memory, ServeError};
use crate::config::{Config, Otherwise};
use crate::edge::http::{Latch, Published};
use crate::edge::kafka::{
    Consumer, ConsumerSettings, CredentialFiles, DeadLetterProducer, StartError,
};
use crate::edge::schema_registry::SchemaRegistryClient;
use crate::edge::wall_clock::Clock;
use crate::engine::Engine;

/// Pace at which a stop is seen while nothing is read.
const STOP_PACE: Duration = Duration::from_millis(100);

/// A client starts within milliseconds. One that has not after this long never will.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// Before the group is joined again in place of another member of the same id: two exporters on
/// copies of one directory do not take turns faster than this.
const REJOIN_PAUSE: Duration = Duration::from_secs(2);

/// See the module.
pub struct Reader {
    pub config: Config,
    pub schema_registry: Option<Arc<SchemaRegistryClient>>,
    pub memory: Memory,
    pub clock: Arc<dyn Clock>,
    pub published: Arc<Published>,
    pub orders: Orders,
}

/// From a state to the end of what can be read with it.
struct Session {
    ingest: Ingest,
    consumer: Consumer,
    /// The consumer's, in its group.
    instance_id: Option<String>,
}

impl Reader {
    /// Reads until told to stop. `latch` is held as long as nothing else keeps the exporter from
    /// being ready.
    ///
    /// # Errors
    /// What reading cannot get over.
    pub fn run(mut self, latch: Latch) -> Result<(), ServeError> {
        let result = self.read(latch);
        self.orders.close();
        result
    }

    fn read(&mut self, mut latch: Latch) -> Result<(), ServeError> {
        let mut forsaken = None;
        while !self.orders.is_stopped() {
            let mut session = self.begin(&latch, forsaken.as_deref())?;
            drop(latch);
            let result = self.go_on(&mut session);
            leave(session.consumer, false);
            drop(session.ingest); // lets go of the checkpoint directory
            let Err(failed) = result else {
                return Ok(());
            };
            latch = failed.latch;
            let lost = match failed.error {
                IngestError::Lost(lost) => lost,
                IngestError::Fenced(text) => {
                    warn!(%text, "kafka: joining the group again");
                    forsaken = None;
                    self.pause(REJOIN_PAUSE);
                    continue;
                }
                IngestError::Renewed => {
                    info!("kafka: new credentials; going on from the last checkpoint with them");
                    forsaken = None;
                    continue;
                }
                error => return Err(error.into()),
            };
            let metrics = self.published.self_metrics();
            metrics
                .lost_records(&lost.partition.topic, lost.partition.partition)
                .inc();
            if self.config.checkpoint.on_lost_records == Otherwise::Fail {
                self.give_up(&latch, &lost);
            }
            forsaken = None;
            if self.config.checkpoint.on_lost_records == Otherwise::Rebuild {
                warn!(%lost, "records lost: counting anew from what the topics hold");
                forsaken = Some(lost.to_string());
            }
        }
        Ok(())
    }

    /// The state, and a consumer that goes on from it.
    fn begin(&self, latch: &Latch, forsaken: Option<&str>) -> Result<Session, ServeError> {
        let (state, instance_id) = match self.memory {
            Memory::Volatile => {
                let rules = Arc::new(self.config.rules.clone());
                let engine = Engine::new(rules, self.clock.now());
                (State::volatile(engine), None)
            }
            Memory::Durable => {
                latch.set_reason("restoring the checkpoint");
                let metrics = self.published.self_metrics();
                let now = self.clock.now();
                let (state, id) = recover(&self.config, now, metrics, forsaken)?;
                (state, Some(format!("ticket-exporter-{id}")))
            }
        };
        latch.set_reason("starting the kafka client");
        let credentials = credentials(&self.config);
        let dead_letters = dead_letters(&self.config)?;
        let consumer = consumer(&self.config, instance_id.as_ref())?;
        let decoder = schemas::decoder(&self.config);
        let timing = self.timing(&self.config);
        let published = Arc::clone(&self.published);
        let mut ingest = Ingest::new(state, decoder, timing, published, dead_letters)
            .with_credentials(credentials);
        if let Some(registry) = &self.schema_registry {
            ingest = ingest.with_schema_registry(Arc::clone(registry));
        }
        Ok(Session {
            ingest,
            consumer,
            instance_id,
        })
    }

    /// Reads until told to stop, and takes orders in between.
    fn go_on(&mut self, session: &mut Session) -> Result<(), Failed> {
        loop {
            let halt = self.orders.halt();
            let pause = session.ingest.run(&mut session.consumer, halt)?;
            if pause == Pause::NewCredentials {
                self.renew(session)?;
                continue;
            }
            let Some((order, done)) = self.orders.take() else {
                if !self.orders.is_stopped() {
                    continue;
                }
                session.ingest.read_tail(&mut session.consumer)?;
                if !session.ingest.finish(&session.consumer)? {
                    warn!(
                        "the last checkpoint was not written in time; a restart reads from the one before"
                    );
                }
                return Ok(());
            };
            let change = match self.prepare(session, &order) {
                Ok(change) => change,
                Err(failed) => {
                    let _ = done.send(Err(failed.error.to_string()));
                    return Err(failed);
                }
            };
            let other_member = self.config.kafka.topics != order.config.kafka.topics
                || self.config.kafka.group_id != order.config.kafka.group_id;
            let change = change.map(|change| {
                if let Some(earlier) = session.ingest.change(change, &mut session.consumer) {
                    leave(earlier, other_member);
                }
                self.follow(order);
            });
            // Who does not wait any more has said so by leaving.
            let _ = done.send(change);
        }
    }

    /// Other clients, for the credentials of now. Where they cannot be started, the earlier ones go
    /// on until the files change once more. Where the last state cannot be kept, since dead letters
    /// are not let in any more for example, reading begins anew from the checkpoint.
    fn renew(&self, session: &mut Session) -> Result<(), Failed> {
        let Session {
            ingest,
            consumer,
            instance_id,
        } = session;
        if !ingest.finish(consumer)? {
            return Err(ingest.fail(IngestError::Renewed));
        }
        let change = clients(&self.config, instance_id.as_ref());
        match change {
            Ok(change) => {
                info!("kafka: new credentials; going on with other clients");
                if let Some(earlier) = ingest.change(change, consumer) {
                    leave(earlier, false);
                }
            }
            Err(error) => warn!(
                %error,
                "kafka: no clients with the new credentials; going on with the earlier ones"
            ),
        }
        Ok(())
    }

    /// Everything of an order that can fail. What fails changes nothing, and reading goes on as
    /// before; the outer error is one of that reading.
    fn prepare(
        &self,
        session: &mut Session,
        order: &Order,
    ) -> Result<Result<Change, String>, Failed> {
        let Session {
            ingest, consumer, ..
        } = session;
        let changes = &order.changes;
        if (changes.rules || changes.dead_letters) && !ingest.finish(consumer)? {
            return Ok(Err(
                "the numbers of now could not be kept within some seconds, for which see the log; \
                 the change has to wait for that"
                    .to_owned(),
            ));
        }
        Ok(self.prepare_kept(session, order))
    }

    fn prepare_kept(&self, session: &mut Session, order: &Order) -> Result<Change, String> {
        let Order {
            config,
            changes,
            schema_registry,
        } = order;
        let refused = |error: StartError| error.to_string();
        let mut change = Change {
            topics_gone: changes.topics_gone.clone(),
            ..Change::default()
        };
        if changes.rules {
            let rules = Arc::new(config.rules.clone());
            let restored = session.ingest.under(rules);
            change.restored = Some(restored.map_err(|error| error.to_string())?);
        }
        if changes.consumer || changes.dead_letters {
            change.credentials = Some(credentials(config));
        }
        if changes.dead_letters {
            change.dead_letters = Some(dead_letters(config).map_err(refused)?);
        }
        if changes.consumer {
            let id = session.instance_id.as_ref();
            change.consumer = Some(consumer(config, id).map_err(refused)?);
        }
        if changes.timing {
            change.timing = Some(self.timing(config));
        }
        if changes.mapping || schema_registry.is_some() {
            let known = session.ingest.decoder().schemas().cloned();
            // Ids of schemas are those of one registry.
            let known = known.filter(|_| !changes.schema_registry);
            let decoder = schemas::decoder_that_knows(config, known);
            let registry = schema_registry.as_ref().unwrap_or(&self.schema_registry);
            change.decoding = Some((decoder, registry.clone()));
        }
        Ok(change)
    }

    /// Works by an order from now on.
    fn follow(&mut self, order: Order) {
        self.config = order.config;
        if let Some(registry) = order.schema_registry {
            self.schema_registry = registry;
        }
    }

    /// Stays, so that the metrics and the probe say what is wrong; a restart would not help, but
    /// another configuration may.
    fn give_up(&mut self, latch: &Latch, lost: &Lost) {
        error!(
            %lost,
            "records lost: the numbers cannot go on; nothing is read and no kpi series are served. \
             Bring the records back and restart, or have everything counted anew from what the \
             topics hold, with checkpoint.on_lost_records: rebuild"
        );
        latch.set_reason(format!("records lost: {lost}"));
        self.pause(Duration::MAX);
        if let Some((order, done)) = self.orders.take() {
            info!("trying again under another configuration");
            self.follow(order);
            let _ = done.send(Ok(()));
        }
    }

    /// Waits so long, or until told something.
    fn pause(&self, length: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < length && !self.orders.is_halted() {
            thread::sleep(STOP_PACE);
        }
    }

    fn timing(&self, config: &Config) -> Timing {
        let Config {
            stream, checkpoint, ..
        } = config;
        Timing {
            grace: stream.grace,
            max_future: stream.max_future,
            interval: Duration::from_millis(checkpoint.interval.unsigned_abs()),
            clock: Arc::clone(&self.clock),
        }
    }
}

/// Consumer and producer of a configuration.
fn clients(config: &Config, instance_id: Option<&String>) -> Result<Change, StartError> {
    // In this order: a change of files after that is never missed.
    Ok(Change {
        credentials: Some(credentials(config)),
        dead_letters: Some(dead_letters(config)?),
        consumer: Some(consumer(config, instance_id)?),
        ..Change::default()
    })
}

/// To be called before the clients are started: then no change is missed.
fn credentials(config: &Config) -> Option<CredentialFiles> {
    CredentialFiles::watch(&ConsumerSettings::from(&config.kafka).connection)
}

/// A member of a group that comes back under its id keeps the partitions that it had, also where it
/// reads other topics now (KIP-345). So with other topics it is another member, which gets
/// everything when the session of the earlier one has ended.
fn topics_digest(config: &Config) -> String {
    let mut topics = config.kafka.topics.clone();
    topics.sort();
    format!("{:016x}", xxh3_64(topics.join(",").as_bytes()))
}

fn dead_letters(config: &Config) -> Result<Option<DeadLetterProducer>, StartError> {
    let topic = config.kafka.dead_letter_topic.as_ref();
    let connection = ConsumerSettings::from(&config.kafka).connection;
    topic
        .cloned()
        .map(|topic| in_time(move || DeadLetterProducer::start(&connection, &topic)))
        .transpose()
}

fn consumer(config: &Config, instance_id: Option<&String>) -> Result<Consumer, StartError> {
    let mut settings = ConsumerSettings::from(&config.kafka);
    settings.instance_id = instance_id.map(|id| format!("{id}-{}", topics_digest(config)));
    let mut consumer = in_time(move || Consumer::start(&settings))?;
    consumer.warn_of_topic_settings();
    Ok(consumer)
}

/// Starts a client of the library, which waits for ever where the system does not give it all of
/// its threads. Such a start is left alone: only the end of the process ends it.
fn in_time<T: Send + 'static>(
    start: impl FnOnce() -> Result<T, StartError> + Send + 'static,
) -> Result<T, StartError> {
    let (tell, told) = mpsc::channel();
    let starting = thread::Builder::new().name("kafka-start".to_owned());
    let spawned = starting.spawn(move || {
        // The receiver may be gone: it waited long enough.
        let _ = tell.send(start());
    });
    let failed = |why: &str| {
        StartError::Client(format!(
            "the client did not start ({why}): allow this process more memory (ulimit -v, the limit of \
             its container) or more threads"
        ))
    };
    spawned.map_err(|error| failed(&error.to_string()))?;
    told.recv_timeout(START_PATIENCE)
        .map_err(|_| failed("not all of its threads are there"))?
}
