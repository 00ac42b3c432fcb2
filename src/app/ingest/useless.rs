//! Topics of which (almost) no record can be used, most likely because of a wrong mapping: the log,
//! the page, `/-/ready` and a metric say so, with the most frequent reason and the preset that would
//! fit.
//!
//! A right mapping passes many records over on purpose, and a broken producer may spoil some. So a
//! topic of which nothing was ever of use is told of at once, and any other only where nearly all of
//! many records were rejected.

use std::collections::HashMap;
use std::sync::Arc;

use tracing::{info, warn};

use crate::app::usability::{Unused, Use, Uses};
use crate::decode::{Decoded, Decoder};
use crate::edge::http::Published;
use crate::edge::kafka::KafkaRecord;

/// Fewer records do not tell that a topic which was of use is so no longer.
const MANY: u64 = 100;
/// The percentage of rejected records that counts as nearly all.
const NEARLY_ALL: u64 = 90;
/// After this many records the counts are halved, so that the recent past decides.
const RECENT: u64 = 1_000;

/// Counts for each topic what its records were good for, and tells when none are.
pub(super) struct Useless {
    published: Arc<Published>,
    topics: Vec<Topic>,
    by_name: HashMap<Arc<str>, usize>,
    /// The consumer's index of the last record's partition, and the place of its topic.
    current: Option<(usize, usize)>,
}

struct Topic {
    name: Arc<str>,
    /// The preset that is configured.
    preset: String,
    /// Whether any record was ever of use.
    was_useful: bool,
    uses: Uses,
    unused: Unused,
    /// The preset that would fit.
    fitting: Option<&'static str>,
    /// Whether it was told of.
    is_told: bool,
}

impl Useless {
    pub(super) fn new(published: Arc<Published>) -> Self {
        Self {
            published,
            topics: Vec::new(),
            by_name: HashMap::new(),
            current: None,
        }
    }

    /// Forgets everything: records are read in another way from now on.
    pub(super) fn forget(&mut self) {
        for topic in self.topics.drain(..) {
            self.published.readiness().remark(&topic.name, None);
            let metrics = self.published.self_metrics();
            metrics.set_topic_useless(&topic.name, false);
        }
        self.by_name.clear();
        self.current = None;
    }

    /// Takes a record into account. `was_useful`: whether records of its partition were of use
    /// before the start.
    pub(super) fn note(
        &mut self,
        record: &KafkaRecord<'_>,
        decoded: &Decoded<'_>,
        decoder: &Decoder,
        was_useful: impl FnOnce() -> bool,
    ) {
        let place = match self.current {
            Some((index, place)) if index == record.index => place,
            _ => self.find(record, decoder, was_useful),
        };
        let topic = &mut self.topics[place];
        let one = Use::of(decoded);
        if topic.take(one, record) {
            topic.tell(&self.published);
        }
    }

    fn find(
        &mut self,
        record: &KafkaRecord<'_>,
        decoder: &Decoder,
        was_useful: impl FnOnce() -> bool,
    ) -> usize {
        let name = &record.partition.topic;
        let place = match self.by_name.get(name) {
            Some(place) => *place,
            None => {
                let metrics = self.published.self_metrics();
                metrics.set_topic_useless(name, false);
                self.topics.push(Topic {
                    name: Arc::clone(name),
                    preset: decoder.mappings().preset_of(name).to_owned(),
                    was_useful: false,
                    uses: Uses::default(),
                    unused: Unused::default(),
                    fitting: None,
                    is_told: false,
                });
                self.by_name.insert(Arc::clone(name), self.topics.len() - 1);
                self.topics.len() - 1
            }
        };
        self.topics[place].was_useful |= was_useful();
        self.current = Some((record.index, place));
        place
    }
}

impl Topic {
    /// Whether there is something to tell.
    fn take(&mut self, one: Use, record: &KafkaRecord<'_>) -> bool {
        self.uses.note(one);
        if self.uses.records() >= RECENT {
            self.uses.fade();
        }
        match one {
            Use::Counted | Use::PassedOver => self.was_useful = true,
            Use::Empty => {}
            Use::Unknown | Use::Rejected(_) => {
                if !self.unused.is_full() && self.unused.keep(&record.to_decode()) {
                    return self.look_for_preset() || self.is_useless() != self.is_told;
                }
            }
        }
        self.is_useless() != self.is_told
    }

    fn is_useless(&self) -> bool {
        if !self.was_useful {
            return self.uses.are_none();
        }
        let (records, rejected) = (self.uses.records(), self.uses.rejections());
        records >= MANY && rejected * 100 >= records * NEARLY_ALL
    }

    /// Looks at the samples, now and then, since it takes milliseconds; whether that is news.
    fn look_for_preset(&mut self) -> bool {
        if !self.unused.len().is_power_of_two() && !self.unused.is_full() {
            return false;
        }
        let before = self.fitting;
        self.fitting = self.unused.fitting_preset(&self.preset);
        self.is_told && self.fitting != before
    }

    fn tell(&mut self, published: &Published) {
        self.is_told = self.is_useless();
        let metrics = published.self_metrics();
        metrics.set_topic_useless(&self.name, self.is_told);
        if !self.is_told {
            info!(topic = &*self.name, "records of the topic can be used now");
            published.readiness().remark(&self.name, None);
            return;
        }
        let text = self.text();
        warn!(
            topic = &*self.name,
            records = self.uses.records(),
            rejected = self.uses.rejections(),
            reason = self.uses.reason(),
            preset = self.preset,
            fitting_preset = self.fitting.unwrap_or_default(),
            advice = text,
            "records of the topic cannot be used"
        );
        published.readiness().remark(&self.name, Some(text));
    }

    fn text(&self) -> String {
        let name = &self.name;
        let share = if self.was_useful {
            "nearly all of the last records are rejected"
        } else {
            "no record so far can be used"
        };
        let advice = match self.fitting {
            Some(preset) => format!("they look like those of mapping.preset: {preset}"),
            None => "ticket-exporter infer-mapping proposes a mapping for samples".to_owned(),
        };
        let reason = self.uses.reason();
        format!("topic {name}: {share}, mostly {reason}; {advice}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::kafka::TopicPartition;

    /// A topic that has seen these, and how often it was told of.
    fn topic(was_useful: bool, uses: &[(Use, usize)]) -> (bool, usize) {
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
        let mut topic = Topic {
            name: "tickets".into(),
            preset: "jira".to_owned(),
            was_useful,
            uses: Uses::default(),
            unused: Unused::default(),
            fitting: None,
            is_told: false,
        };
        let mut told = 0;
        for (one, count) in uses {
            for _ in 0..*count {
                if topic.take(*one, &record) {
                    topic.is_told = topic.is_useless();
                    told += 1;
                }
            }
        }
        (topic.is_told, told)
    }

    #[test]
    fn a_topic_of_which_nothing_was_ever_of_use_is_told_of_at_once() {
        let rejected = Use::Rejected("missing_type");
        assert_eq!(topic(false, &[(Use::Empty, 500)]), (false, 0));
        assert_eq!(topic(false, &[(rejected, 1)]), (true, 1));
        assert_eq!(topic(false, &[(Use::Unknown, 5_000)]), (true, 1));
        // Until the first that is of use.
        let mended = [(rejected, 50), (Use::Counted, 1), (rejected, 1)];
        assert_eq!(topic(false, &mended), (false, 2));
        // What a rule ignores is ignored on purpose.
        assert_eq!(topic(false, &[(Use::PassedOver, 5_000)]), (false, 0));
    }

    #[test]
    fn a_topic_that_was_of_use_is_told_of_when_nearly_all_is_rejected() {
        let rejected = Use::Rejected("missing_type");
        assert_eq!(topic(true, &[(rejected, 99)]), (false, 0));
        assert_eq!(topic(true, &[(rejected, 100)]), (true, 1));
        // Many records of other kinds are no sign.
        assert_eq!(topic(true, &[(Use::Unknown, 5_000)]), (false, 0));
        let half = [(Use::Counted, 500), (rejected, 400)];
        assert_eq!(topic(true, &half), (false, 0));
        // It counts less and less what was long ago.
        let spoiled = [(Use::Counted, 100_000), (rejected, 5_000)];
        assert_eq!(topic(true, &spoiled), (true, 1));
        let mended = [(rejected, 100_000), (Use::Counted, 500)];
        assert_eq!(topic(true, &mended), (false, 2));
    }
}
