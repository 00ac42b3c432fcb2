//! The librdkafka properties that are not the user's to set, each with its reason.

/// A property that the exporter sets itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedProperty {
    /// librdkafka's name.
    pub name: &'static str,
    /// What the exporter sets: saying the same is no error. `None`: not one value.
    pub value: Option<&'static str>,
    /// What follows "cannot be set: ".
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

const OFFSETS: &str = "offsets are kept in the checkpoint, together with what they lead to";

/// All of them: first those with a key of their own, then those on which exact counting rests.
#[rustfmt::skip]
pub const RESERVED_PROPERTIES: &[ReservedProperty] = &[
    reserved("bootstrap.servers", None, "set kafka.brokers instead"),
    reserved("metadata.broker.list", None, "set kafka.brokers instead"),
    reserved("group.id", None, "set kafka.group_id instead"),
    reserved("enable.auto.commit", Some("false"), OFFSETS),
    reserved("auto.commit.interval.ms", None, OFFSETS),
    reserved("enable.auto.offset.store", Some("false"), OFFSETS),
    reserved("auto.offset.reset", Some("error"),
        "a checkpoint whose records are gone is reported, never skipped silently"),
    reserved("enable.partition.eof", Some("false"),
        "the end of a partition is found without it, and with it a rebalance can skip a record"),
    reserved("isolation.level", Some("read_committed"),
        "records of aborted transactions never happened"),
    reserved("statistics.interval.ms", Some("500"),
        "the end of a partition is read from the statistics"),
];

impl ReservedProperty {
    /// The entry of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        RESERVED_PROPERTIES
            .iter()
            .find(|property| property.name == name)
    }

    /// Whether the user may say this.
    pub fn allows(&self, value: &str) -> bool {
        self.value == Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_once_and_only_its_own_value() {
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
