//! Which configured topics do not exist, as series.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::info;

use crate::edge::self_metrics::SelfMetrics;

/// The series of the configured topics.
#[derive(Debug)]
pub(super) struct MissingTopics {
    metrics: Arc<SelfMetrics>,
    shown: BTreeSet<String>,
    missing: BTreeSet<String>,
}

impl MissingTopics {
    pub(super) fn new(metrics: Arc<SelfMetrics>) -> Self {
        Self {
            metrics,
            shown: BTreeSet::new(),
            missing: BTreeSet::new(),
        }
    }

    /// Shows which of the `configured` topics are missing. A topic that is no longer configured is
    /// no longer shown.
    pub(super) fn show(&mut self, configured: &[String], missing: &[&str]) {
        for topic in configured {
            let is_missing = missing.contains(&topic.as_str());
            self.metrics.set_topic_missing(topic, is_missing);
            self.shown.insert(topic.clone());
            if is_missing {
                self.missing.insert(topic.clone());
            } else if self.missing.remove(topic) {
                info!(%topic, "the topic exists");
            }
        }
        self.shown.retain(|topic| {
            let stays = configured.contains(topic);
            if !stays {
                self.metrics.remove_topic(topic);
            }
            stays
        });
        self.missing.retain(|topic| configured.contains(topic));
    }
}
