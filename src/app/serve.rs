//! The service: starts, runs until the stop, and stops in order.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::control::Control;
use super::ingest_thread::{IngestThread, IngestThreadError, StateStorage};
use super::reload::{Load, Reloader, export_objectives};
use crate::config::{self, Config};
use crate::decode::{IgnoreReason, Rejection};
use crate::edge::http::{self, HttpServer, ListenError, Protection, Published, Readiness};
use crate::edge::kafka::{ConsumerSettings, StartError};
use crate::edge::schema_registry::{SchemaRegistryClient, SchemaRegistryClientError};
use crate::edge::self_metrics::{BuildInfo, SelfMetrics};
use crate::edge::service_manager::ServiceManager;
use crate::edge::wall_clock::TimeSource;
use crate::engine::Ignored;

/// How long a stop waits for the ingest thread, which may wait for brokers or a disk. This is less than the
/// 30 s of Kubernetes' default grace period. After it the process ends as if killed, which loses nothing.
const STOP_PATIENCE: Duration = Duration::from_secs(25);
/// Time between two status reports to the service manager.
const STATUS_INTERVAL: Duration = Duration::from_secs(2);

/// Why the service did not start, or has ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Bind(#[from] ListenError),
    #[error(transparent)]
    Web(#[from] config::ConfigErrors),
    #[error(transparent)]
    Kafka(#[from] StartError),
    #[error(transparent)]
    SchemaRegistry(#[from] SchemaRegistryClientError),
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error(transparent)]
    Ingest(#[from] IngestThreadError),
    #[error("cannot start the ingest thread: {0}")]
    Thread(#[from] std::io::Error),
    #[error("the ingest thread died; this is a defect of ticket-exporter")]
    IngestThreadDied,
}

#[derive(Debug)]
pub struct Service {
    server: HttpServer,
    published: Arc<Published>,
    control: Control,
    manager: ServiceManager,
    ended: oneshot::Receiver<Result<(), IngestThreadError>>,
}

impl Service {
    /// Starts the HTTP server and the ingest thread. `load` loads the configuration for reloads; `None`
    /// disables them. The service reports its state to `manager`.
    ///
    /// # Errors
    /// The server cannot listen on an address, or the clients refuse a property. Unreachable brokers are
    /// no error.
    pub async fn start(
        config: &Config,
        build: BuildInfo,
        clock: Arc<dyn TimeSource>,
        storage: StateStorage,
        load: Option<Load>,
        manager: ServiceManager,
    ) -> Result<Self, ServeError> {
        let started = clock.now();
        let rejections = Rejection::ALL.map(Rejection::name);
        let ignorances: Vec<&str> = Ignored::ALL
            .map(Ignored::name)
            .into_iter()
            .chain(IgnoreReason::ALL.map(IgnoreReason::name))
            .collect();
        let metrics = Arc::new(SelfMetrics::new(build, started, &rejections, &ignorances)?);
        metrics.set_config_reload(started, true);
        export_objectives(None, config, &metrics);
        let protection = Protection::load(&config.web, Arc::clone(&metrics))?;
        let published = Arc::new(Published::new(metrics, Readiness::default()));
        let router = http::router(Arc::clone(&published), &config.web);
        let server = HttpServer::bind(&config.web.listen, router, protection).await?;
        for address in server.addresses() {
            info!(%address, "listening");
        }

        ConsumerSettings::from(&config.kafka).check()?;
        let schema_registry = match &config.schema_registry {
            Some(settings) => Some(Arc::new(SchemaRegistryClient::new(settings)?)),
            None => None,
        };
        let control = Control::default();
        if let Some(load) = load {
            let requests = published.reloads().listen();
            let reloader = Reloader {
                load,
                current: config.clone(),
                published: Arc::clone(&published),
                control: control.clone(),
                clock: Arc::clone(&clock),
                manager: manager.clone(),
            };
            tokio::spawn(reloader.run(requests));
        }
        let ingest_thread = IngestThread {
            config: config.clone(),
            schema_registry,
            storage,
            clock,
            published: Arc::clone(&published),
            control: control.clone(),
        };
        // Held before the first request, so that the exporter does not look ready.
        let latch = published.readiness().hold("starting");
        let (sender, ended) = oneshot::channel();
        thread::Builder::new()
            .name("ingest".to_owned())
            .spawn(move || {
                // The receiver is only dropped when the process ends.
                let _ = sender.send(ingest_thread.run(latch));
            })?;
        Ok(Self {
            server,
            published,
            control,
            manager,
            ended,
        })
    }

    pub fn published(&self) -> &Arc<Published> {
        &self.published
    }

    pub fn addresses(&self) -> Vec<std::net::SocketAddr> {
        self.server.addresses().to_vec()
    }

    /// Runs until `shutdown` resolves or the ingest thread ends. Then, in this order: the exporter is not
    /// ready, the ingest thread writes the last checkpoint and ends, the HTTP server ends.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self {
            server,
            published,
            control,
            manager,
            mut ended,
        } = self;
        let (stop_http, http_stopped) = oneshot::channel::<()>();
        let http = tokio::spawn(server.serve(async {
            let _ = http_stopped.await;
        }));
        manager.started();
        let status = tokio::spawn(report_readiness(manager.clone(), Arc::clone(&published)));
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
        control.stop();
        let result = match result {
            Some(result) => result,
            None => tokio::time::timeout(STOP_PATIENCE, ended)
                .await
                .unwrap_or_else(|_| {
                    warn!(
                        "the ingest thread has not ended in time; a restart continues from the last \
                         checkpoint"
                    );
                    Ok(Ok(()))
                }),
        };
        let _ = stop_http.send(());
        if let Err(error) = http.await {
            error!(%error, "the http server has failed");
        }
        latch.release();
        match result {
            Ok(Ok(())) => {
                info!("stopped");
                Ok(())
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(ServeError::IngestThreadDied),
        }
    }
}

/// Keeps the status line of the service manager up to date. Humans read it.
async fn report_readiness(manager: ServiceManager, published: Arc<Published>) {
    loop {
        manager.set_readiness(&published.readiness().reasons());
        tokio::time::sleep(STATUS_INTERVAL).await;
    }
}
