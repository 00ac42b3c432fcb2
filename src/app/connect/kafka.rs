//! Checks brokers, login, topics and permissions.

use std::time::{Duration, Instant};

use super::records::RecordTrial;
use super::report::{CheckReport, within};
use crate::app::kafka_clients::end_client;
use crate::config::{Config, Kafka};
use crate::edge::kafka::{
    ConsumerSettings, InspectError, Inspector, KafkaConnection, OffsetRange, check_broker,
    configured_brokers,
};

pub(super) fn check(
    config: &Config,
    registry_answers: bool,
    timeout: Duration,
    report: &mut CheckReport<'_>,
) {
    let settings = ConsumerSettings::from(&config.kafka);
    let configured = configured_brokers(&settings.connection);
    look_at_brokers(
        &configured,
        "kafka.brokers",
        &settings.connection,
        timeout,
        report,
    );
    let mut inspector = match Inspector::start(&settings) {
        Ok(inspector) => inspector,
        Err(error) => {
            report.error("kafka", error.to_string());
            return;
        }
    };
    match inspector.brokers(deadline(timeout)) {
        Ok(brokers) => {
            let count = brokers.len();
            report.ok(
                "kafka",
                format!("lets us in; brokers of the cluster: {count}"),
            );
            let others: Vec<String> = brokers
                .into_iter()
                .filter(|broker| !configured.contains(broker))
                .collect();
            let origin = "advertised.listeners";
            look_at_brokers(&others, origin, &settings.connection, timeout, report);
            permissions_and_topics(config, &mut inspector, registry_answers, timeout, report);
        }
        Err(error) => report.error(
            "kafka",
            format!("{error}. Topics and permissions could not be looked at"),
        ),
    }
    end_client(inspector);
}

fn look_at_brokers(
    brokers: &[String],
    origin: &str,
    connection: &KafkaConnection,
    timeout: Duration,
    report: &mut CheckReport<'_>,
) {
    for broker in brokers {
        let subject = format!("broker {broker}");
        let (address, connection) = (broker.clone(), connection.clone());
        match within(timeout, move || check_broker(&address, &connection)) {
            Ok(Ok(found)) => report.ok(&subject, format!("{found}, of {origin}")),
            Ok(Err(error)) => report.error(&subject, error.to_string()),
            Err(late) => report.error(&subject, late.to_string()),
        }
    }
}

fn permissions_and_topics(
    config: &Config,
    inspector: &mut Inspector,
    registry_answers: bool,
    timeout: Duration,
    report: &mut CheckReport<'_>,
) {
    let Kafka {
        topics,
        group_id,
        dead_letter_topic,
        ..
    } = &config.kafka;
    let group = format!("group {group_id}");
    match inspector.check_group(deadline(timeout)) {
        Ok(()) => report.ok(&group, "may be used"),
        Err(error) => report.error(&group, error.to_string()),
    }
    let trial = RecordTrial::new(config, registry_answers);
    for topic in topics {
        if let Some(extents) = look_at_topic(topic, inspector, timeout, report) {
            trial.run(inspector, &extents, deadline(timeout), report);
        }
    }
    if let Some(topic) = dead_letter_topic {
        look_at_dead_letters(topic, inspector, timeout, report);
    }
}

/// Checks that a topic exists and may be read.
fn look_at_topic(
    topic: &str,
    inspector: &mut Inspector,
    timeout: Duration,
    report: &mut CheckReport<'_>,
) -> Option<Vec<OffsetRange>> {
    let subject = format!("topic {topic}");
    let found = inspector.partitions(topic, deadline(timeout));
    let found = found.and_then(|found| {
        inspector.check_read(topic, deadline(timeout))?;
        Ok(found)
    });
    let partitions = match found {
        Ok(partitions) => partitions,
        Err(InspectError::MissingTopic) => {
            let todo = "it does not exist: create it, or correct kafka.topics";
            report.error(&subject, todo);
            return None;
        }
        Err(error) => {
            report.error(&subject, error.to_string());
            return None;
        }
    };
    let mut text = format!("partitions: {}", partitions.len());
    let mut concerns = Vec::new();
    match inspector.settings(topic, deadline(timeout)) {
        Ok(settings) => {
            text = format!("{text}, {}", settings.retention_text());
            concerns = settings.concerns();
        }
        Err(error) => report.warning(&subject, error.to_string()),
    }
    report.ok(&subject, text);
    for concern in concerns {
        report.warning(&subject, concern.to_string());
    }
    let mut extents = Vec::new();
    let until = deadline(timeout);
    for partition in &partitions {
        match inspector.offset_range(partition, until) {
            Ok(extent) => extents.push(extent),
            Err(error) => {
                report.error(&format!("partition {partition}"), error.to_string());
                return None;
            }
        }
    }
    Some(extents)
}

fn look_at_dead_letters(
    topic: &str,
    inspector: &mut Inspector,
    timeout: Duration,
    report: &mut CheckReport<'_>,
) {
    let subject = format!("dead-letter topic {topic}");
    // This comes first, because a refusal names the missing permission.
    let allowed = inspector.check_write(topic, deadline(timeout));
    let allowed = allowed.and_then(|()| inspector.partitions(topic, deadline(timeout)));
    match allowed {
        Ok(_) => report.ok(&subject, "may be written"),
        Err(InspectError::MissingTopic) => report.error(
            &subject,
            "it does not exist: create it, or correct kafka.dead_letter_topic",
        ),
        Err(error) => report.error(&subject, error.to_string()),
    }
}

fn deadline(timeout: Duration) -> Instant {
    Instant::now() + timeout
}
