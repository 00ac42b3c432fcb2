//! Topics whose settings prevent an exact count: one warning each.

use super::*;
use crate::crash::created;
use crate::end_to_end::now;
use crate::harness::Record;

#[test]
fn unsuitable_topic_settings_are_reported_once() {
    let kafka = Kafka::shared();
    let compacted = Kafka::unique("compacted");
    kafka.create_topic(&compacted, 1, &[("cleanup.policy", "compact")]);
    let short = Kafka::unique("short");
    kafka.create_topic(&short, 1, &[("retention.ms", "3600000")]);
    let keyless = kafka.new_topic("keyless", 2);
    let usual = kafka.new_topic("usual", 2);
    let config = target_config(
        kafka,
        &format!("{compacted}, {short}, {keyless}, {usual}"),
        "10m",
    );
    let event = format!(
        r#"{{"ticket_id":"k","type":"created","at":{},"team":"billing"}}"#,
        now().0
    );
    kafka.produce(&keyless, [Record::new(event.clone()), Record::new(event)]);
    kafka.produce(&usual, [created("u", now())]);
    kafka.produce(&short, [Record::new("without a key, in one partition")]);
    let mut exporter = start(&config);
    exporter.wait_ready(PATIENCE);
    for (topic, words) in [
        (&compacted, "the topic is compacted"),
        (&short, "records are deleted after"),
        (&keyless, "records have no key"),
    ] {
        let named = format!("topic={topic}");
        wait_for_line(&exporter, &["level=warn", &named, words]);
        assert_eq!(lines_with(&exporter, words), 1, "{}", exporter.logs());
    }
}
