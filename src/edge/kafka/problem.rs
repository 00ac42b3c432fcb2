use std::fmt;

use super::topic_partition::TopicPartition;

/// A reason why records do not arrive, or cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KafkaProblem {
    /// The client keeps trying. The text says what to check.
    Retrying(String),
    /// The client keeps trying, but an operator has to change something first: a login, a certificate,
    /// a permission. The text says what.
    Refused(String),
    /// The records from `position` on are no longer in the topic, or the topic was created again.
    /// The consumer reads nothing from the partition until
    /// [`Consumer::restart_at`](super::Consumer::restart_at).
    OutOfRange {
        partition: TopicPartition,
        /// The offset that the consumer asked for.
        position: i64,
        /// First and end offset of the partition, where known.
        available: Option<(i64, i64)>,
    },
    /// Another member took this client's place in the group; that may have been this process before an
    /// outage. A new client can go on.
    Fenced(String),
    /// No client can go on.
    Fatal(String),
}

impl fmt::Display for KafkaProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retrying(text) | Self::Refused(text) | Self::Fenced(text) | Self::Fatal(text) => {
                formatter.write_str(text)
            }
            Self::OutOfRange {
                partition,
                position,
                available,
            } => {
                write!(
                    formatter,
                    "offset {position} of {partition} is not in the topic"
                )?;
                if let Some((low, high)) = available {
                    write!(formatter, ", which holds {low} to {high}")?;
                }
                formatter.write_str(
                    ": its records were deleted before they were read, or the topic was deleted \
                     and created again",
                )
            }
        }
    }
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
