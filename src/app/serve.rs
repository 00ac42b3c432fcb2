//! The service as a value: started, run until told to stop, stopped in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::{error, info};

use super::ingest::{Ingest, IngestError, Timing};
use crate::config::Config;
use crate::decode::Rejection;
use crate::edge::http::{self, BindError, Published, Readiness, Server};
use crate::edge::kafka::{Consumer, DeadLetters, Settings, StartError};
use crate::edge::self_metrics::{BuildInfo, SelfMetrics};
use crate::edge::wall_clock::Clock;
use crate::engine::{Engine, Ignored};

/// Why the service did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Kafka(#[from] StartError),
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error(transparent)]
    Ingest(#[from] IngestError),
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
    ended: oneshot::Receiver<Result<(), IngestError>>,
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
    ) -> Result<Self, ServeError> {
        let started = clock.now();
        let rejections = Rejection::ALL.map(Rejection::reason);
        let ignorances = Ignored::ALL.map(Ignored::reason);
        let metrics = Arc::new(SelfMetrics::new(build, started, &rejections, &ignorances)?);
        metrics.set_config_reload(started, true);
        let published = Arc::new(Published::new(metrics, Readiness::default()));
        let router = http::router(Arc::clone(&published), config.web.telemetry_path.clone());
        let server = Server::bind(&config.web.listen, router).await?;
        for address in server.addresses() {
            info!(%address, "listening");
        }

        let settings = Settings::from(&config.kafka);
        let dead_letters = match &config.kafka.dead_letter_topic {
            Some(topic) => Some(DeadLetters::start(&settings.connection, topic)?),
            None => None,
        };
        let consumer = Consumer::start(&settings)?;
        let timing = Timing {
            grace: config.stream.grace,
            max_future: config.stream.max_future,
            interval: Duration::from_millis(config.checkpoint.interval.unsigned_abs()),
            clock,
        };
        let engine = Engine::new(Arc::new(config.rules.clone()), started);
        let ingest = Ingest::new(engine, timing, Arc::clone(&published), dead_letters);
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, ended) = oneshot::channel();
        let stop_reading = Arc::clone(&stop);
        thread::Builder::new()
            .name("ingest".to_owned())
            .spawn(move || {
                // Nobody listens any more only where the process is gone anyway.
                let _ = tell.send(ingest.run(consumer, &stop_reading));
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
            None => ended.await,
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
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(ServeError::Died),
        }
    }
}
