//! Starts the client that writes to the topics of the hooks.

use std::sync::Arc;
use std::time::Duration;

use super::error::GatewayError;
use crate::app::kafka_clients::start_in_time;
use crate::config::{Config, Gateway};
use crate::edge::kafka::{ConsumerSettings, WebhookProducer};

pub(super) fn start_producer(
    config: &Config,
    gateway: &Gateway,
) -> Result<Arc<WebhookProducer>, GatewayError> {
    let connection = ConsumerSettings::from(&config.kafka).connection;
    connection.check_producer()?;
    let timeout = Duration::from_millis(gateway.timeout.unsigned_abs());
    let topics = gateway.topics();
    let producer = start_in_time(move || WebhookProducer::start(&connection, &topics, timeout))?;
    Ok(Arc::new(producer))
}
