use super::topic_partition::TopicPartition;

/// A reason why records do not arrive, or cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KafkaProblem {
    /// The client keeps trying. The text says what to check.
    #[error("{0}")]
    Retrying(String),
    /// The client keeps trying, but an operator has to change something first: a login, a certificate,
    /// a permission. The text says what.
    #[error("{0}")]
    Refused(String),
    /// The records from `position` on are no longer in the topic, or the topic was created again.
    /// The consumer reads nothing from the partition until
    /// [`Consumer::restart_at`](super::Consumer::restart_at).
    #[error(
        "offset {position} of {partition} is not in the topic{}: its records were deleted before they \
         were read, or the topic was deleted and created again",
        holding(*available)
    )]
    OutOfRange {
        partition: TopicPartition,
        /// The offset that the consumer asked for.
        position: i64,
        /// First and end offset of the partition, where known.
        available: Option<(i64, i64)>,
    },
    /// Another member took this client's place in the group; that may have been this process before an
    /// outage. A new client can go on.
    #[error("{0}")]
    Fenced(String),
    /// No client can go on.
    #[error("{0}")]
    Fatal(String),
}

fn holding(available: Option<(i64, i64)>) -> String {
    let text = available.map(|(low, high)| format!(", which holds {low} to {high}"));
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_out_of_range_names_the_available_ones() {
        let lost = KafkaProblem::OutOfRange {
            partition: TopicPartition::new("tickets", 3),
            position: 7,
            available: Some((100, 200)),
        };
        let text = lost.to_string();
        assert!(text.contains("offset 7 of tickets/3"), "{text}");
        assert!(text.contains("100 to 200"), "{text}");
    }
}
