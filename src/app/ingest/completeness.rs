//! Completeness: does the state contain every record of the topics?

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::partition_clocks::ConsumerProgress;
use crate::app::source_offsets::{RecordsLost, SourceOffsets};
use crate::edge::kafka::{Consumer, TopicPartition, missing_topics};
use crate::edge::self_metrics::SelfMetrics;

/// How long the brokers may take to list the partitions.
const PARTITIONS_PATIENCE: Duration = Duration::from_secs(1);
/// A rebalance takes some seconds. Only after this time does the log report that another member of the
/// group has partitions.
const REBALANCE_PATIENCE: Duration = Duration::from_secs(10);

pub(super) enum Completion {
    Complete,
    /// The reason; `None`: the last reason still holds.
    Incomplete(Option<String>),
}

pub(super) struct Completeness {
    metrics: Arc<SelfMetrics>,
    /// Topics with a series.
    configured: BTreeSet<String>,
    missing: BTreeSet<String>,
    /// Since when another member has had partitions, and whether the log has reported it.
    shared_since: Option<(Instant, bool)>,
}

impl Completeness {
    pub(super) fn new(metrics: Arc<SelfMetrics>) -> Self {
        Self {
            metrics,
            configured: BTreeSet::new(),
            missing: BTreeSet::new(),
            shared_since: None,
        }
    }

    /// Exports which configured topics are missing. `Some`: the reason why the state is not complete.
    pub(super) fn check_topics(&mut self, consumer: &Consumer) -> Option<String> {
        let missing: Vec<&str> = consumer.missing_topics().collect();
        self.set_missing(consumer.topics(), &missing);
        (!missing.is_empty()).then(|| missing_topics(&missing))
    }

    /// Whether this instance has every partition and has read it to its end.
    ///
    /// # Errors
    /// A consumed partition no longer exists.
    pub(super) fn check(
        &mut self,
        consumer: &Consumer,
        progress: ConsumerProgress,
        offsets: &SourceOffsets,
    ) -> Result<Completion, RecordsLost> {
        let missing: Vec<&str> = consumer.missing_topics().collect();
        let reason = if !missing.is_empty() {
            missing_topics(&missing)
        } else if let Some(problem) = consumer.problem() {
            problem.to_owned()
        } else if progress.assigned == 0 {
            return Ok(Completion::Incomplete(None));
        } else if progress.unfinished > 0 {
            format!("reading the topic: {} records behind", progress.lag)
        } else if let Some(partitions) = consumer.partitions(PARTITIONS_PATIENCE) {
            offsets.check_existence(&partitions)?;
            match self.check_partitions(consumer, &partitions) {
                Some(reason) => reason,
                None => return Ok(Completion::Complete),
            }
        } else {
            "waiting for the brokers to list the partitions".to_owned()
        };
        Ok(Completion::Incomplete(Some(reason)))
    }

    /// `Some`: the reason why this instance does not have all of the partitions.
    fn check_partitions(
        &mut self,
        consumer: &Consumer,
        partitions: &[TopicPartition],
    ) -> Option<String> {
        let missing = consumer.topics_without(partitions);
        self.set_missing(consumer.topics(), &missing);
        if !missing.is_empty() {
            return Some(missing_topics(&missing));
        }
        let is_foreign = |one: &&TopicPartition| !consumer.assigned().any(|ours| ours == *one);
        let foreign = partitions.iter().filter(is_foreign).count();
        if foreign == 0 {
            self.shared_since = None;
            return None;
        }
        let (since, reported) = self.shared_since.get_or_insert((Instant::now(), false));
        if !*reported && since.elapsed() >= REBALANCE_PATIENCE {
            *reported = true;
            warn!(
                foreign,
                partitions = partitions.len(),
                "another member of the consumer group has partitions; give each exporter its own \
                 kafka.group_id"
            );
        }
        Some(format!(
            "{foreign} of {} partitions are not owned: another member of the consumer group reads \
             them; an exporter needs a group of its own",
            partitions.len()
        ))
    }

    fn set_missing(&mut self, configured: &[String], missing: &[&str]) {
        for topic in configured {
            let is_missing = missing.contains(&topic.as_str());
            self.metrics.set_topic_missing(topic, is_missing);
            self.configured.insert(topic.clone());
            if is_missing {
                self.missing.insert(topic.clone());
            } else if self.missing.remove(topic) {
                info!(%topic, "the missing topic exists now");
            }
        }
        self.configured.retain(|topic| {
            let is_configured = configured.contains(topic);
            if !is_configured {
                self.metrics.remove_topic(topic);
            }
            is_configured
        });
        self.missing.retain(|topic| configured.contains(topic));
    }
}
