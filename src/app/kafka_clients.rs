//! Starts and ends the Kafka clients of a configuration, with deadlines: both may wait for brokers or for
//! threads forever.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tracing::warn;
use xxhash_rust::xxh3::xxh3_64;

use crate::config::Config;
use crate::edge::kafka::{
    Consumer, ConsumerSettings, CredentialFiles, DeadLetterProducer, StartError,
};

/// A client starts within milliseconds. A client that has not started after this time never will.
const START_PATIENCE: Duration = Duration::from_secs(20);
/// How long the end of a client waits for the brokers.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// Watches the files of the clients. Call this before the clients start, so that no change is missed.
pub fn watch_credentials(config: &Config) -> Option<CredentialFiles> {
    CredentialFiles::watch(&ConsumerSettings::from(&config.kafka).connection)
}

/// Starts the producer for dead letters, if there is a topic for them.
pub fn start_dead_letters(config: &Config) -> Result<Option<DeadLetterProducer>, StartError> {
    let topic = config.kafka.dead_letter_topic.as_ref();
    let connection = ConsumerSettings::from(&config.kafka).connection;
    topic
        .cloned()
        .map(|topic| start_in_time(move || DeadLetterProducer::start(&connection, &topic)))
        .transpose()
}

/// Starts the consumer. `instance_id`: the member's static ID, without the topics.
///
/// A static member that comes back keeps its partitions, even if it subscribes to other topics (KIP-345).
/// So the ID also contains the topics: with other topics it is another member, and gets all partitions
/// when the session of the earlier member ends.
pub fn start_consumer(
    config: &Config,
    instance_id: Option<&String>,
) -> Result<Consumer, StartError> {
    let mut topics = config.kafka.topics.clone();
    topics.sort();
    let digest = xxh3_64(topics.join(",").as_bytes());
    let mut settings = ConsumerSettings::from(&config.kafka);
    settings.instance_id = instance_id.map(|id| format!("{id}-{digest:016x}"));
    let mut consumer = start_in_time(move || Consumer::start(&settings))?;
    consumer.warn_of_topic_settings();
    Ok(consumer)
}

/// Starts a client. If the system refuses some of its threads, librdkafka waits forever; such a start
/// stays in the background until the process ends.
pub fn start_in_time<T: Send + 'static>(
    start: impl FnOnce() -> Result<T, StartError> + Send + 'static,
) -> Result<T, StartError> {
    let (sender, started) = mpsc::channel();
    let starting = thread::Builder::new().name("kafka-start".to_owned());
    let spawned = starting.spawn(move || {
        let _ = sender.send(start()); // the receiver may have given up
    });
    let failed = |reason: &str| {
        StartError::Client(format!(
            "the client did not start ({reason}): allow this process more memory (ulimit -v, the limit of \
             its container) or more threads"
        ))
    };
    spawned.map_err(|error| failed(&error.to_string()))?;
    started
        .recv_timeout(START_PATIENCE)
        .map_err(|_| failed("it could not start all of its threads"))?
}

/// Ends a consumer. `for_good`: its static member does not come back, so it leaves the group.
pub fn end_consumer(mut consumer: Consumer, for_good: bool) {
    let has_ended = ends_in_time(move || {
        if for_good {
            consumer.leave_group();
        }
        drop(consumer);
    });
    if !has_ended {
        warn!("the consumer has not left its group in time; its session will time out");
    }
}

/// Ends any other client. Returns whether it has ended in time.
pub fn end_client(client: impl Send + 'static) -> bool {
    ends_in_time(move || drop(client))
}

/// Brokers that are down do not answer; the process need not wait for them.
fn ends_in_time(work: impl FnOnce() + Send + 'static) -> bool {
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || {
        work();
        let _ = sender.send(()); // the receiver may have given up
    });
    ended.recv_timeout(END_PATIENCE).is_ok()
}
