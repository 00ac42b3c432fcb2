//! The service as a value: started, run until told to stop, stopped in order.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::ingest::IngestError;
use super::orders::Orders;
use super::reader::Reader;
use super::recovery::RecoveryError;
use super::reload::{Load, Reloader, show_objectives};
use crate::config::{self, Config};
use crate::decode::{IgnoreReason, Rejection};
use crate::edge::http::{self, BindError, Protection, Published, Readiness, Server};
use crate::edge::kafka::{ConsumerSettings, StartError};
use crate::edge::schema_registry::{SchemaRegistryClient, SchemaRegistryClientError};
use crate::edge::self_metrics::{BuildInfo, SelfMetrics};
use crate::edge::service_manager::ServiceManager;
use crate::edge::wall_clock::Clock;
use crate::engine::Ignored;

/// How long a stop waits for the reading thread, which may be waiting for brokers or a disk. Below
/// the 30 s that Kubernetes gives by default; after that the process goes as if killed, which
/// loses nothing.
const STOP_PATIENCE: Duration = Duration::from_secs(25);
/// How often the service manager may hear of another readiness: a person reads it.
const STATUS_INTERVAL: Duration = Duration::from_secs(2);

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
    SchemaRegistry(#[from] SchemaRegistryClientError),
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
    orders: Orders,
    manager: ServiceManager,
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
    /// Listens and begins to read. `clock` tells the time: the demo's runs faster. `load` reads
    /// the present configuration, where it may change. The service reports its state to `manager`.
    ///
    /// # Errors
    /// An address that cannot be listened on, or Kafka properties that are refused. Brokers that
    /// cannot be reached are waited for instead.
    pub async fn start(
        config: &Config,
        build: BuildInfo,
        clock: Arc<dyn Clock>,
        memory: Memory,
        load: Option<Load>,
        manager: ServiceManager,
    ) -> Result<Self, ServeError> {
        let started = clock.now();
        let rejections = Rejection::ALL.map(Rejection::reason);
        let ignorances: Vec<&str> = Ignored::ALL
            .map(Ignored::reason)
            .into_iter()
            .chain(IgnoreReason::ALL.map(IgnoreReason::reason))
            .collect();
        let metrics = Arc::new(SelfMetrics::new(build, started, &rejections, &ignorances)?);
        metrics.set_config_reload(started, true);
        show_objectives(None, config, &metrics);
        let protection = Protection::load(&config.web, Arc::clone(&metrics))?;
        let published = Arc::new(Published::new(metrics, Readiness::default()));
        let router = http::router(Arc::clone(&published), &config.web);
        let server = Server::bind(&config.web.listen, router, protection).await?;
        for address in server.addresses() {
            info!(%address, "listening");
        }

        ConsumerSettings::from(&config.kafka).check()?;
        let schema_registry = match &config.schema_registry {
            Some(settings) => Some(Arc::new(SchemaRegistryClient::new(settings)?)),
            None => None,
        };
        let orders = Orders::default();
        if let Some(load) = load {
            let wishes = published.reloads().listen();
            let reloader = Reloader {
                load,
                current: config.clone(),
                published: Arc::clone(&published),
                orders: orders.clone(),
                clock: Arc::clone(&clock),
                manager: manager.clone(),
            };
            tokio::spawn(reloader.serve(wishes));
        }
        let reader = Reader {
            config: config.clone(),
            schema_registry,
            memory,
            clock,
            published: Arc::clone(&published),
            orders: orders.clone(),
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
            orders,
            manager,
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
            orders,
            manager,
            mut ended,
        } = self;
        let (stop_http, http_stopped) = oneshot::channel::<()>();
        let http = tokio::spawn(server.serve(async {
            let _ = http_stopped.await;
        }));
        manager.started();
        let status = tokio::spawn(show_readiness(manager.clone(), Arc::clone(&published)));
        let result = tokio::select! {
            () = shutdown => {
                info!("stopping");
                None
            }
            result = &mut ended => Some(result),
        };
        status.abort();
        manager.stopping();
        let latch = published.readiness().hold("stopping");
        orders.stop();
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

/// Keeps the status line of the service manager up to date.
async fn show_readiness(manager: ServiceManager, published: Arc<Published>) {
    loop {
        manager.set_readiness(&published.readiness().reasons());
        tokio::time::sleep(STATUS_INTERVAL).await;
    }
}
