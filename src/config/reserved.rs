//! The librdkafka properties that users cannot set, each with its reason.

/// A property that the exporter sets itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedProperty {
    /// librdkafka's name.
    pub name: &'static str,
    /// The value that the exporter sets. Setting the same value is no error.
    pub value: Option<&'static str>,
    /// The end of the message "cannot be set: …".
    pub reason: &'static str,
}

const fn reserved(
    name: &'static str,
    value: Option<&'static str>,
    reason: &'static str,
) -> ReservedProperty {
    ReservedProperty {
        name,
        value,
        reason,
    }
}

const OFFSETS: &str = "the checkpoint contains the offsets, together with the state";

/// First the properties that have their own key, then those that exact counting depends on.
#[rustfmt::skip]
pub const RESERVED_PROPERTIES: &[ReservedProperty] = &[
    reserved("bootstrap.servers", None, "set kafka.brokers instead"),
    reserved("metadata.broker.list", None, "set kafka.brokers instead"),
    reserved("group.id", None, "set kafka.group_id instead"),
    reserved("enable.auto.commit", Some("false"), OFFSETS),
    reserved("auto.commit.interval.ms", None, OFFSETS),
    reserved("enable.auto.offset.store", Some("false"), OFFSETS),
    reserved("auto.offset.reset", Some("error"),
        "the exporter must notice deleted records, and never skip them silently"),
    reserved("enable.partition.eof", Some("false"),
        "the exporter finds the end of a partition without it, and with it a rebalance can skip a record"),
    reserved("isolation.level", Some("read_committed"),
        "records of aborted transactions must not count"),
    reserved("statistics.interval.ms", Some("500"),
        "the exporter reads the end of a partition from the statistics"),
];

impl ReservedProperty {
    pub fn find(name: &str) -> Option<&'static Self> {
        RESERVED_PROPERTIES
            .iter()
            .find(|property| property.name == name)
    }

    /// Whether users may set this value.
    pub fn allows(&self, value: &str) -> bool {
        self.value == Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_property_is_listed_once_and_allows_its_own_value() {
        for (position, property) in RESERVED_PROPERTIES.iter().enumerate() {
            let first = RESERVED_PROPERTIES
                .iter()
                .position(|other| other.name == property.name);
            assert_eq!(first, Some(position), "{}", property.name);
            assert!(!property.allows("other"), "{}", property.name);
        }
        let commit = ReservedProperty::find("enable.auto.commit").unwrap();
        assert!(commit.allows("false"));
        assert_eq!(ReservedProperty::find("client.id"), None);
    }
}
