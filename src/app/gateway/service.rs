//! The receiver of webhooks as a service: starts, runs until the stop, and stops in order.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::{error, info};

use super::error::GatewayError;
use super::producer::start_producer;
use super::reload::GatewayReloader;
use crate::app::kafka_clients::end_client;
use crate::app::reload::Load;
use crate::config::{Config, Web};
use crate::decode::Decoder;
use crate::edge::gateway::{
    ActiveHooks, GatewayMetrics, GatewayState, HookTable, WebhookReceiver, hooks_router, pages,
    watch,
};
use crate::edge::http::{HttpServer, Protection, Readiness, ReloadRequests};
use crate::edge::self_metrics::{BuildInfo, SelfMetrics};
use crate::edge::service_manager::ServiceManager;
use crate::edge::wall_clock;

/// Connections of senders. Large helpdesks send some hundred webhooks at the same time.
const MOST_CONNECTIONS: usize = 1_024;
/// At the stop, a request may still send its body, and then waits for Kafka.
const BODY_DRAIN: Duration = Duration::from_secs(10);
/// For the records of requests whose sender has gone.
const FLUSH_PATIENCE: Duration = Duration::from_secs(2);

pub struct GatewayService {
    hooks: HttpServer,
    pages: HttpServer,
    receiver: Arc<WebhookReceiver>,
    reloads: Arc<ReloadRequests>,
    manager: ServiceManager,
    /// The monitor ends when this is dropped.
    monitor: mpsc::Sender<()>,
}

impl GatewayService {
    /// Starts the servers and the Kafka client. Unreachable brokers are no error. `load` loads the
    /// configuration for reloads.
    ///
    /// # Errors
    /// A server cannot listen, a secret cannot be read, or the client refuses a property.
    pub async fn start(
        config: &Config,
        build: BuildInfo,
        load: Load,
        manager: ServiceManager,
    ) -> Result<Self, GatewayError> {
        let gateway = config.gateway.as_ref().ok_or(GatewayError::NoHooks)?;
        let started = wall_clock::now();
        let self_metrics = Arc::new(SelfMetrics::new(build, started, &[], &[])?);
        self_metrics.set_config_reload(started, true);
        let metrics = Arc::new(GatewayMetrics::new(started)?);
        let active = ActiveHooks {
            hooks: HookTable::new(gateway, &Decoder::new(&config.mapping))?,
            producer: start_producer(config, gateway)?,
        };

        let readiness = Readiness::default();
        let latch = readiness.hold("starting");
        let receiver = Arc::new(WebhookReceiver::new(
            active,
            Arc::clone(&metrics),
            readiness.clone(),
            gateway.max_buffered_bytes,
        ));
        let hooks_web = Web {
            config_file: gateway.web_config_file.clone(),
            ..Web::default()
        };
        let protection = Protection::load(&hooks_web, Arc::clone(&self_metrics))?;
        let drain = Duration::from_millis(gateway.timeout.unsigned_abs()) + BODY_DRAIN;
        let router = hooks_router(Arc::clone(&receiver));
        let hooks = HttpServer::bind(&gateway.listen, router, protection)
            .await?
            .with_bodies(MOST_CONNECTIONS, drain);
        let protection = Protection::load(&config.web, Arc::clone(&self_metrics))?;
        let state = GatewayState {
            metrics,
            self_metrics,
            readiness,
            reloads: Arc::default(),
            switches: Arc::default(),
        };
        let reloads = Arc::clone(&state.reloads);
        state.switches.set(&config.web);
        let router = pages(state.clone(), &config.web);
        let pages = HttpServer::bind(&config.web.listen, router, protection).await?;
        for address in pages.addresses() {
            info!(%address, "listening");
        }
        for address in hooks.addresses() {
            info!(%address, "listening for webhooks");
        }
        let (monitor, stopped) = mpsc::channel();
        let watched = Arc::clone(&receiver);
        thread::Builder::new()
            .name("monitor".to_owned())
            .spawn(move || watch(&watched, latch, &stopped))?;
        let reloader = GatewayReloader {
            load,
            current: config.clone(),
            receiver: Arc::clone(&receiver),
            state,
            manager: manager.clone(),
            longest_request: drain,
        };
        tokio::spawn(reloader.run(reloads.listen()));
        Ok(Self {
            hooks,
            pages,
            receiver,
            reloads,
            manager,
            monitor,
        })
    }

    /// The addresses of the hooks.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.hooks.addresses()
    }

    pub fn reloads(&self) -> &Arc<ReloadRequests> {
        &self.reloads
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
        let _latch = self.receiver.readiness.hold("stopping");
        let _ = stop_hooks.send(());
        if let Err(error) = hooks.await {
            error!(%error, "the http server has failed");
        }
        drop(self.monitor);
        let active = self.receiver.active();
        // Kafka's client blocks.
        let ended = tokio::task::spawn_blocking(move || {
            active.producer.flush(FLUSH_PATIENCE);
            end_client(active);
        });
        let _ = ended.await;
        let _ = stop_pages.send(());
        if let Err(error) = pages.await {
            error!(%error, "the http server has failed");
        }
        info!("stopped");
    }
}
