//! The receiver of webhooks as a service: starts, runs until the stop, and stops in order.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::{error, info};

use super::kafka_clients::{end_client, start_in_time, watch_credentials};
use crate::config::{Config, ConfigErrors, Web};
use crate::decode::Decoder;
use crate::edge::gateway::{
    GatewayMetrics, GatewayState, HookTable, SecretError, WebhookReceiver, hooks_router, pages,
    watch,
};
use crate::edge::http::{HttpServer, ListenError, Protection, Readiness};
use crate::edge::kafka::{ConsumerSettings, StartError, WebhookProducer};
use crate::edge::self_metrics::{BuildInfo, SelfMetrics};
use crate::edge::service_manager::ServiceManager;
use crate::edge::wall_clock;

/// Connections of senders. Large helpdesks send some hundred webhooks at the same time.
const MOST_CONNECTIONS: usize = 1_024;
/// At the stop, a request may still send its body, and then waits for Kafka.
const BODY_DRAIN: Duration = Duration::from_secs(10);
/// For the records of requests whose sender has gone.
const FLUSH_PATIENCE: Duration = Duration::from_secs(2);

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error("gateway.hooks: no hook is configured; add at least one")]
    NoHooks,
    #[error(transparent)]
    Bind(#[from] ListenError),
    #[error(transparent)]
    Web(#[from] ConfigErrors),
    #[error(transparent)]
    Kafka(#[from] StartError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

pub struct GatewayService {
    hooks: HttpServer,
    pages: HttpServer,
    producer: Arc<WebhookProducer>,
    readiness: Readiness,
    manager: ServiceManager,
    /// The monitor ends when this is dropped.
    monitor: mpsc::Sender<()>,
}

impl GatewayService {
    /// Starts the servers and the Kafka client. Unreachable brokers are no error.
    ///
    /// # Errors
    /// A server cannot listen, a secret cannot be read, or the client refuses a property.
    pub async fn start(
        config: &Config,
        build: BuildInfo,
        manager: ServiceManager,
    ) -> Result<Self, GatewayError> {
        let gateway = config.gateway.as_ref().ok_or(GatewayError::NoHooks)?;
        let started = wall_clock::now();
        let self_metrics = Arc::new(SelfMetrics::new(build, started, &[], &[])?);
        let names = gateway.hooks.keys().map(String::as_str);
        let metrics = Arc::new(GatewayMetrics::new(started, names)?);
        let table = Arc::new(HookTable::new(gateway, &Decoder::new(&config.mapping))?);

        let connection = ConsumerSettings::from(&config.kafka).connection;
        connection.check_producer()?;
        let credentials = watch_credentials(config);
        let (topics, timeout) = (gateway.topics(), milliseconds(gateway.timeout));
        let producer =
            start_in_time(move || WebhookProducer::start(&connection, &topics, timeout))?;
        let producer = Arc::new(producer);

        let readiness = Readiness::default();
        let latch = readiness.hold("starting");
        let receiver = Arc::new(WebhookReceiver::new(
            Arc::clone(&table),
            Arc::clone(&producer),
            Arc::clone(&metrics),
            readiness.clone(),
            timeout,
            gateway.max_buffered_bytes,
        ));
        let hooks_web = Web {
            config_file: gateway.web_config_file.clone(),
            ..Web::default()
        };
        let protection = Protection::load(&hooks_web, Arc::clone(&self_metrics))?;
        let drain = timeout + BODY_DRAIN;
        let hooks = HttpServer::bind(&gateway.listen, hooks_router(receiver), protection)
            .await?
            .with_bodies(MOST_CONNECTIONS, drain);
        let protection = Protection::load(&config.web, Arc::clone(&self_metrics))?;
        let state = GatewayState {
            metrics: Arc::clone(&metrics),
            self_metrics,
            readiness: readiness.clone(),
        };
        let router = pages(state, &config.web);
        let pages = HttpServer::bind(&config.web.listen, router, protection).await?;
        for address in pages.addresses() {
            info!(%address, "listening");
        }
        for address in hooks.addresses() {
            info!(%address, "listening for webhooks");
        }
        let (monitor, stopped) = mpsc::channel();
        let (watched, held) = (Arc::clone(&producer), readiness.clone());
        thread::Builder::new()
            .name("monitor".to_owned())
            .spawn(move || {
                watch(
                    &watched,
                    &table,
                    &metrics,
                    &held,
                    latch,
                    credentials,
                    &stopped,
                );
            })?;
        Ok(Self {
            hooks,
            pages,
            producer,
            readiness,
            manager,
            monitor,
        })
    }

    /// The addresses of the hooks.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.hooks.addresses()
    }

    /// Runs until `shutdown` resolves. Then, in this order: the gateway is not ready, it accepts no
    /// request, every request in progress gets its answer, and the pages end.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let (stop_hooks, hooks_stopped) = oneshot::channel::<()>();
        let (stop_pages, pages_stopped) = oneshot::channel::<()>();
        let until = |stopped: oneshot::Receiver<()>| async {
            let _ = stopped.await;
        };
        let hooks = tokio::spawn(self.hooks.serve(until(hooks_stopped)));
        let pages = tokio::spawn(self.pages.serve(until(pages_stopped)));
        self.manager.started();
        shutdown.await;
        info!("stopping");
        self.manager.stopping();
        let _latch = self.readiness.hold("stopping");
        let _ = stop_hooks.send(());
        if let Err(error) = hooks.await {
            error!(%error, "the http server has failed");
        }
        drop(self.monitor);
        let producer = self.producer;
        // Kafka's client blocks.
        let ended = tokio::task::spawn_blocking(move || {
            producer.flush(FLUSH_PATIENCE);
            end_client(producer);
        });
        let _ = ended.await;
        let _ = stop_pages.send(());
        if let Err(error) = pages.await {
            error!(%error, "the http server has failed");
        }
        info!("stopped");
    }
}

fn milliseconds(length: i64) -> Duration {
    Duration::from_millis(u64::try_from(length).unwrap_or_default())
}
