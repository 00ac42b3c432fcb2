//! Which of the configured topics exist, their ids, and whether their settings allow an exact count.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::edge::kafka::missing_topics::MissingTopicDetector;
use crate::edge::kafka::problem::KafkaProblem;
use crate::edge::kafka::problem_text::missing_topics;
use crate::edge::kafka::queue::{TopicConfigs, TopicIds};
use crate::edge::kafka::topic_settings::TopicSettings;

use super::problems::ConsumerProblems;

/// How long new partitions wait for the ids of their topics. Brokers before Kafka 2.8 have no ids.
const IDENTIFICATION_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct ConsumerTopics {
    pub(super) names: Vec<String>,
    ids: TopicIds,
    settings: Option<TopicConfigs>,
    missing: MissingTopicDetector,
    /// While new partitions wait for the ids of their topics: the deadline, and the number of the
    /// answer.
    awaited: Option<(Instant, u64)>,
}

impl ConsumerTopics {
    pub(super) fn new(names: Vec<String>, ids: TopicIds) -> Self {
        Self {
            names,
            ids,
            settings: None,
            missing: MissingTopicDetector::default(),
            awaited: None,
        }
    }

    pub(super) fn missing(&self) -> impl Iterator<Item = &str> {
        self.missing.iter()
    }

    pub(super) fn watch_settings(&mut self, watch: impl FnOnce(&[String]) -> TopicConfigs) {
        self.settings = Some(watch(&self.names));
    }

    /// Logs a warning for each topic whose settings do not allow an exact count.
    pub(super) fn warn_of_settings(&mut self) {
        let Some(settings) = &mut self.settings else {
            return;
        };
        for (topic, entries) in settings.poll() {
            let entries = entries.iter();
            let entries = entries.map(|(name, value)| (name.as_str(), value.as_str()));
            for concern in TopicSettings::read(entries).concerns() {
                tracing::warn!(%topic, %concern, "topic does not allow an exact count");
            }
        }
    }

    /// Takes an answer of the brokers: the names and ids of topics that exist. Reports missing topics.
    pub(super) fn take_ids(
        &mut self,
        problems: &mut ConsumerProblems,
    ) -> Option<Vec<(Arc<str>, String)>> {
        let described = self.ids.poll()?;
        if described.answered {
            let earlier: Vec<String> = self.missing.iter().map(str::to_owned).collect();
            for topic in self.missing.observe(described.missing) {
                problems.report(KafkaProblem::Retrying(missing_topics(&[&topic])));
            }
            for topic in earlier {
                if !self.missing.iter().any(|missing| missing == topic) {
                    problems.explainer_mut().forget(&missing_topics(&[&topic]));
                }
            }
        }
        Some(described.identified)
    }

    /// Whether the topics were identified after the new partitions were assigned. The caller then
    /// notices another topic of the same name before it takes a record.
    pub(super) fn are_identified(&mut self) -> bool {
        let ids = &mut self.ids;
        let (deadline, answer) = *self.awaited.get_or_insert_with(|| {
            let answer = ids.ask_soon();
            (Instant::now() + IDENTIFICATION_TIMEOUT, answer)
        });
        let are_identified = ids.answers() >= answer || Instant::now() >= deadline;
        if are_identified {
            self.awaited = None;
        }
        are_identified
    }
}
