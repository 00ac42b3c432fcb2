//! Topics whose records are (almost) all unusable, most likely because of a wrong mapping. The log, the
//! landing page, `/-/ready` and a metric report them, with the most frequent reason and the preset that
//! would fit.
//!
//! A correct mapping ignores many records on purpose, and a broken producer may write some wrong ones. So
//! this module reports a topic at once if no record was ever usable. It reports any other topic only if
//! nearly all of many records are rejected.

use std::collections::HashMap;
use std::sync::Arc;

use tracing::{info, warn};

use crate::app::usability::{RecordUsability, UnusableSamples, UsabilityCounts};
use crate::decode::{Decoded, Decoder};
use crate::edge::http::Published;
use crate::edge::kafka::KafkaRecord;

/// Minimum records for a topic that once was usable.
const MANY: u64 = 100;
/// The percentage of rejected records that is nearly all.
const NEARLY_ALL: u64 = 90;
/// After this many records the counts are halved, so that recent records decide.
const RECENT: u64 = 1_000;

pub(super) struct UnusableTopics {
    published: Arc<Published>,
    topics: Vec<TopicUsability>,
    by_name: HashMap<Arc<str>, usize>,
    /// The consumer's index of the last record's partition, and the index of its topic here.
    current: Option<(usize, usize)>,
}

struct TopicUsability {
    name: Arc<str>,
    /// The configured preset.
    preset: String,
    /// Whether any record was ever usable.
    was_usable: bool,
    counts: UsabilityCounts,
    samples: UnusableSamples,
    /// The preset that would fit.
    fitting: Option<&'static str>,
    is_reported: bool,
}

impl UnusableTopics {
    pub(super) fn new(published: Arc<Published>) -> Self {
        Self {
            published,
            topics: Vec::new(),
            by_name: HashMap::new(),
            current: None,
        }
    }

    /// Starts again, for another mapping.
    pub(super) fn clear(&mut self) {
        for topic in self.topics.drain(..) {
            self.published.readiness().remark(&topic.name, None);
            let metrics = self.published.self_metrics();
            metrics.set_topic_useless(&topic.name, false);
        }
        self.by_name.clear();
        self.current = None;
    }

    /// `was_usable`: whether records of the partition were usable before the start.
    pub(super) fn count(
        &mut self,
        record: &KafkaRecord<'_>,
        decoded: &Decoded<'_>,
        decoder: &Decoder,
        was_usable: impl FnOnce() -> bool,
    ) {
        let index = match self.current {
            Some((consumer_index, index)) if consumer_index == record.index => index,
            _ => self.find(record, decoder, was_usable),
        };
        let topic = &mut self.topics[index];
        if topic.count(RecordUsability::of(decoded), record) {
            topic.report(&self.published);
        }
    }

    fn find(
        &mut self,
        record: &KafkaRecord<'_>,
        decoder: &Decoder,
        was_usable: impl FnOnce() -> bool,
    ) -> usize {
        let name = &record.partition.topic;
        let index = match self.by_name.get(name) {
            Some(index) => *index,
            None => {
                let metrics = self.published.self_metrics();
                metrics.set_topic_useless(name, false);
                self.topics.push(TopicUsability {
                    name: Arc::clone(name),
                    preset: decoder.mappings().preset_of(name).to_owned(),
                    was_usable: false,
                    counts: UsabilityCounts::default(),
                    samples: UnusableSamples::default(),
                    fitting: None,
                    is_reported: false,
                });
                self.by_name.insert(Arc::clone(name), self.topics.len() - 1);
                self.topics.len() - 1
            }
        };
        self.topics[index].was_usable |= was_usable();
        self.current = Some((record.index, index));
        index
    }
}

impl TopicUsability {
    /// Counts a record. Returns whether there is something to report.
    fn count(&mut self, usability: RecordUsability, record: &KafkaRecord<'_>) -> bool {
        self.counts.count(usability);
        if self.counts.records() >= RECENT {
            self.counts.halve();
        }
        match usability {
            RecordUsability::Counted | RecordUsability::Ignored => self.was_usable = true,
            RecordUsability::Tombstone => {}
            RecordUsability::NoRule | RecordUsability::Rejected(_) => {
                if !self.samples.is_full() && self.samples.add(&record.to_decode()) {
                    return self.find_preset() || self.is_unusable() != self.is_reported;
                }
            }
        }
        self.is_unusable() != self.is_reported
    }

    fn is_unusable(&self) -> bool {
        if !self.was_usable {
            return self.counts.are_unusable();
        }
        let (records, rejected) = (self.counts.records(), self.counts.rejections());
        records >= MANY && rejected * 100 >= records * NEARLY_ALL
    }

    /// Finds the preset that fits the samples. This takes milliseconds, so it happens after 1, 2, 4, 8 …
    /// samples. Returns whether the result is new.
    fn find_preset(&mut self) -> bool {
        if !self.samples.len().is_power_of_two() && !self.samples.is_full() {
            return false;
        }
        let before = self.fitting;
        self.fitting = self.samples.fitting_preset(&self.preset);
        self.is_reported && self.fitting != before
    }

    fn report(&mut self, published: &Published) {
        self.is_reported = self.is_unusable();
        let metrics = published.self_metrics();
        metrics.set_topic_useless(&self.name, self.is_reported);
        if !self.is_reported {
            info!(topic = &*self.name, "records of the topic can be used now");
            published.readiness().remark(&self.name, None);
            return;
        }
        let text = self.text();
        warn!(
            topic = &*self.name,
            records = self.counts.records(),
            rejected = self.counts.rejections(),
            reason = self.counts.top_reason(),
            preset = self.preset,
            fitting_preset = self.fitting.unwrap_or_default(),
            advice = text,
            "records of the topic cannot be used"
        );
        published.readiness().remark(&self.name, Some(text));
    }

    fn text(&self) -> String {
        let name = &self.name;
        let share = if self.was_usable {
            "nearly all of the last records are rejected"
        } else {
            "no record so far can be used"
        };
        let advice = match self.fitting {
            Some(preset) => format!("they look like those of mapping.preset: {preset}"),
            None => "ticket-exporter infer-mapping proposes a mapping for samples".to_owned(),
        };
        let reason = self.counts.top_reason();
        format!("topic {name}: {share}, mostly {reason}; {advice}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::kafka::TopicPartition;

    /// Whether a topic with these records is reported, and the number of reports.
    fn reports(was_usable: bool, records: &[(RecordUsability, usize)]) -> (bool, usize) {
        let source = TopicPartition::new("tickets", 0);
        let record = KafkaRecord {
            partition: &source,
            index: 0,
            offset: 0,
            timestamp: None,
            key: None,
            headers: &[],
            value: None,
        };
        let mut topic = TopicUsability {
            name: "tickets".into(),
            preset: "jira".to_owned(),
            was_usable,
            counts: UsabilityCounts::default(),
            samples: UnusableSamples::default(),
            fitting: None,
            is_reported: false,
        };
        let mut reports = 0;
        for (one, count) in records {
            for _ in 0..*count {
                if topic.count(*one, &record) {
                    topic.is_reported = topic.is_unusable();
                    reports += 1;
                }
            }
        }
        (topic.is_reported, reports)
    }

    const REJECTED: RecordUsability = RecordUsability::Rejected("missing_type");

    #[test]
    fn a_topic_without_any_usable_record_is_reported_at_once() {
        use RecordUsability::{Counted, Ignored, NoRule, Tombstone};
        assert_eq!(reports(false, &[(Tombstone, 500)]), (false, 0));
        assert_eq!(reports(false, &[(REJECTED, 1)]), (true, 1));
        assert_eq!(reports(false, &[(NoRule, 5_000)]), (true, 1));
        // The first usable record ends that.
        let fixed = [(REJECTED, 50), (Counted, 1), (REJECTED, 1)];
        assert_eq!(reports(false, &fixed), (false, 2));
        assert_eq!(reports(false, &[(Ignored, 5_000)]), (false, 0));
    }

    #[test]
    fn a_usable_topic_is_reported_when_nearly_all_records_are_rejected() {
        use RecordUsability::{Counted, NoRule};
        assert_eq!(reports(true, &[(REJECTED, 99)]), (false, 0));
        assert_eq!(reports(true, &[(REJECTED, 100)]), (true, 1));
        assert_eq!(reports(true, &[(NoRule, 5_000)]), (false, 0));
        let half = [(Counted, 500), (REJECTED, 400)];
        assert_eq!(reports(true, &half), (false, 0));
        // Recent records decide.
        let broken = [(Counted, 100_000), (REJECTED, 5_000)];
        assert_eq!(reports(true, &broken), (true, 1));
        let fixed = [(REJECTED, 100_000), (Counted, 500)];
        assert_eq!(reports(true, &fixed), (false, 2));
    }
}
