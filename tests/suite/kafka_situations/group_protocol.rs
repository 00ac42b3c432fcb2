//! The group protocol of KIP-848, in which the brokers assign the partitions.

use super::*;
use crate::crash::created;
use crate::end_to_end::now;

#[test]
fn partitions_that_the_brokers_assign_are_read() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("kip848", 3);
    kafka.produce(&topic, (0..30).map(|one| created(&one.to_string(), now())));
    let config = target_config(kafka, &topic, "10m")
        .replace("    session.timeout.ms: \"6000\"\n", "")
        .replace(
            "    heartbeat.interval.ms: \"500\"\n",
            "    group.protocol: consumer\n",
        );
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    let wait = |exporter: &Exporter, tickets: f64| {
        exporter.wait_for_metrics("the tickets", PATIENCE, |scrape| {
            match scrape.metric("ticket_created_total").sum() {
                sum if sum == tickets => Ok(()),
                sum => Err(format!("{sum}; log\n{}", exporter.logs())),
            }
        });
    };
    wait(&exporter, 30.0);
    // After a restart the exporter reads new partitions, too.
    assert_eq!(exporter.stop(PATIENCE).code(), Some(0));
    kafka.produce(&topic, (30..40).map(|one| created(&one.to_string(), now())));
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    wait(&exporter, 40.0);
    kafka.add_partitions(&topic, 5);
    kafka.produce(&topic, (40..90).map(|one| created(&one.to_string(), now())));
    wait(&exporter, 90.0);
    exporter.wait_ready(PATIENCE);
}
