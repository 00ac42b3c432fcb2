//! The service as a value: started, run until told to stop, stopped in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::ingest::{Ingest, IngestError, Lost, State, Timing};
use super::recovery::{RecoveryError, recover};
use super::schemas;
use crate::config::{self, Config, Otherwise};
use crate::decode::{Ignorance, Rejection};
use crate::domain::policy::Target;
use crate::edge::http::{self, BindError, Latch, Protection, Published, Readiness, Server};
use crate::edge::kafka::{Consumer, CredentialFiles, DeadLetters, Settings, StartError};
use crate::edge::schema_registry::{Client, ClientError};
use crate::edge::self_metrics::{BuildInfo, SelfMetrics};
use crate::edge::wall_clock::Clock;
use crate::engine::{Engine, Ignored};

/// Pace at which a stop is seen while nothing is read.
const STOP_PACE: Duration = Duration::from_millis(100);

/// How long a stop waits for the reading thread, which may be waiting for brokers or a disk. Below
/// the 30 s that Kubernetes gives by default; after that the process goes as if killed, which
/// loses nothing.
const STOP_PATIENCE: Duration = Duration::from_secs(25);

/// Before the group is joined again in place of another member of the same id: two exporters on
/// copies of one directory do not take turns faster than this.
const REJOIN_PAUSE: Duration = Duration::from_secs(2);

/// Why the service did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Web(#[from] config::Errors),
    #[error(transparent)]
    Kafka(#[from] StartError),
    #[error(transparent)]
    SchemaRegistry(#[from] ClientError),
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error(transparent)]
    Ingest(#[from] IngestError),
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    #[error("cannot start the reading thread: {0}")]
    Thread(#[from] std::io::Error),
    #[error("the reading thread died; this is a defect")]
    Died,
}

/// See the module.
#[derive(Debug)]
pub struct Service {
    server: Server,
    published: Arc<Published>,
    stop: Arc<AtomicBool>,
    ended: oneshot::Receiver<Result<(), ServeError>>,
}

/// Whether the state outlives the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// It is kept in the checkpoint directory.
    Durable,
    /// It goes with the process, as the demo's broker does.
    Volatile,
}

impl Service {
    /// Listens and begins to read. `clock` tells the time: the demo's runs faster.
    ///
    /// # Errors
    /// An address that cannot be listened on, or Kafka properties that are refused. Brokers that
    /// cannot be reached are waited for instead.
    pub async fn start(
        config: &Config,
        build: BuildInfo,
        clock: Arc<dyn Clock>,
        memory: Memory,
    ) -> Result<Self, ServeError> {
        let started = clock.now();
        let rejections = Rejection::ALL.map(Rejection::reason);
        let ignorances: Vec<&str> = Ignored::ALL
            .map(Ignored::reason)
            .into_iter()
            .chain(Ignorance::ALL.map(Ignorance::reason))
            .collect();
        let metrics = Arc::new(SelfMetrics::new(build, started, &rejections, &ignorances)?);
        metrics.set_config_reload(started, true);
        show_objectives(config, &metrics);
        let protection = Protection::load(&config.web, Arc::clone(&metrics))?;
        let published = Arc::new(Published::new(metrics, Readiness::default()));
        let router = http::router(Arc::clone(&published), &config.web);
        let server = Server::bind(&config.web.listen, router, protection).await?;
        for address in server.addresses() {
            info!(%address, "listening");
        }

        Settings::from(&config.kafka).check()?;
        let schema_registry = match &config.schema_registry {
            Some(settings) => Some(Arc::new(Client::new(settings)?)),
            None => None,
        };
        let stop = Arc::new(AtomicBool::new(false));
        let reader = Reader {
            config: config.clone(),
            schema_registry,
            memory,
            clock,
            published: Arc::clone(&published),
            stop: Arc::clone(&stop),
        };
        // Before the first request: what is not there yet must not look ready.
        let latch = published.readiness().hold("starting");
        let (tell, ended) = oneshot::channel();
        thread::Builder::new()
            .name("ingest".to_owned())
            .spawn(move || {
                // Nobody listens any more only where the process is gone anyway.
                let _ = tell.send(reader.run(latch));
            })?;
        Ok(Self {
            server,
            published,
            stop,
            ended,
        })
    }

    pub fn published(&self) -> &Arc<Published> {
        &self.published
    }

    /// Addresses listened on.
    pub fn addresses(&self) -> Vec<std::net::SocketAddr> {
        self.server.addresses().to_vec()
    }

    /// Serves until `shutdown` resolves or reading ends by itself. Then, in this order: not
    /// ready, no more reading, the last state shown and committed, no more HTTP.
    ///
    /// # Errors
    /// What reading could not get over.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self {
            server,
            published,
            stop,
            mut ended,
        } = self;
        let (stop_http, http_stopped) = oneshot::channel::<()>();
        let http = tokio::spawn(server.serve(async {
            let _ = http_stopped.await;
        }));
        let result = tokio::select! {
            () = shutdown => {
                info!("stopping");
                None
            }
            result = &mut ended => Some(result),
        };
        let latch = published.readiness().hold("stopping");
        stop.store(true, Ordering::Relaxed);
        let result = match result {
            Some(result) => result,
            None => tokio::time::timeout(STOP_PATIENCE, ended)
                .await
                .unwrap_or_else(|_| {
                    warn!("reading does not stop: leaving it; a restart goes on from the last checkpoint");
                    Ok(Ok(()))
                }),
        };
        let _ = stop_http.send(());
        if let Err(error) = http.await {
            error!(%error, "the http server ended badly");
        }
        latch.release();
        match result {
            Ok(Ok(())) => {
                info!("stopped");
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ServeError::Died),
        }
    }
}

/// The objectives as series, beside the targets that the KPIs show.
fn show_objectives(config: &Config, metrics: &SelfMetrics) {
    for (policy, objective) in config.rules.policies.iter().zip(&config.objectives) {
        for target in Target::ALL {
            if policy.target(target).is_some() {
                metrics.set_objective(&policy.name, target.name(), *objective);
            }
        }
    }
}

/// The reading thread: everything from the restored state to the stop.
struct Reader {
    config: Config,
    schema_registry: Option<Arc<Client>>,
    memory: Memory,
    clock: Arc<dyn Clock>,
    published: Arc<Published>,
    stop: Arc<AtomicBool>,
}

impl Reader {
    /// Reads until told to stop. `latch` is held as long as nothing else keeps the exporter from
    /// being ready.
    fn run(self, mut latch: Latch) -> Result<(), ServeError> {
        let mut forsaken = None;
        while !self.stop.load(Ordering::Relaxed) {
            let mut settings = Settings::from(&self.config.kafka);
            let state = match self.memory {
                Memory::Volatile => {
                    let rules = Arc::new(self.config.rules.clone());
                    State::volatile(Engine::new(rules, self.clock.now()))
                }
                Memory::Durable => {
                    latch.set_reason("restoring the checkpoint");
                    let metrics = self.published.self_metrics();
                    let now = self.clock.now();
                    let (state, id) = recover(&self.config, now, metrics, forsaken.as_deref())?;
                    settings.instance_id = Some(format!("ticket-exporter-{id}"));
                    state
                }
            };
            let credentials = CredentialFiles::watch(&settings.connection);
            let dead_letters = match &self.config.kafka.dead_letter_topic {
                Some(topic) => Some(DeadLetters::start(&settings.connection, topic)?),
                None => None,
            };
            let consumer = Consumer::start(&settings)?;
            let published = Arc::clone(&self.published);
            let decoder = schemas::decoder(&self.config);
            let mut ingest = Ingest::new(state, decoder, self.timing(), published, dead_letters);
            ingest = ingest.with_credentials(credentials);
            if let Some(registry) = &self.schema_registry {
                ingest = ingest.with_schema_registry(Arc::clone(registry));
            }
            drop(latch);
            let Err(failed) = ingest.run(consumer, &self.stop) else {
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
                    info!("kafka: new credentials; starting clients with them");
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
                return Ok(());
            }
            warn!(%lost, "records lost: counting anew from what the topics hold");
            forsaken = Some(lost.to_string());
        }
        Ok(())
    }

    /// Stays, so that the metrics and the probe say what is wrong; a restart would not help.
    fn give_up(&self, latch: &Latch, lost: &Lost) {
        error!(
            %lost,
            "records lost: the numbers cannot go on; nothing is read and no kpi series are served. \
             Bring the records back and restart, or have everything counted anew from what the \
             topics hold, with checkpoint.on_lost_records: rebuild"
        );
        latch.set_reason(format!("records lost: {lost}"));
        self.pause(Duration::MAX);
    }

    /// Waits so long, or until told to stop.
    fn pause(&self, length: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < length && !self.stop.load(Ordering::Relaxed) {
            thread::sleep(STOP_PACE);
        }
    }

    fn timing(&self) -> Timing {
        let Config {
            stream, checkpoint, ..
        } = &self.config;
        Timing {
            grace: stream.grace,
            max_future: stream.max_future,
            interval: Duration::from_millis(checkpoint.interval.unsigned_abs()),
            clock: Arc::clone(&self.clock),
        }
    }
}
