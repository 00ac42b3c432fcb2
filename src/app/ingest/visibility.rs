//! Visibility: may scrapes see the KPI series? This is a pure state machine. [`super::publication`]
//! carries out its effects.
//!
//! Prometheus must never see a value that a later one contradicts. So the exporter withholds the series,
//! and lets them go stale, until the state contains every record of the topics.
//!
//! | from | event | to |
//! |---|---|---|
//! | catching up | a checkpoint of the complete state is on disk | shown |
//! | shown | partitions are assigned or revoked, or a topic is missing | catching up |
//! | shown | a reload replaces the consumer | bridging |
//! | bridging | a complete checkpoint of the new consumer is on disk | shown |
//! | bridging | partitions are revoked, or a topic is missing | catching up |
//! | any | the ingest loop fails | ended |

/// The series that scrapes see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum VisibilityState {
    /// No KPI series: records are missing from the state.
    CatchingUp,
    /// The KPI series of each checkpoint.
    Shown,
    /// The KPI series from before a reload, until the new consumer has caught up.
    Bridging,
    /// No KPI series: the ingest loop has failed.
    Ended,
}

#[derive(Clone, Debug)]
pub(super) enum VisibilityEvent {
    /// The group has assigned partitions to this instance.
    Assigned,
    /// The group has revoked partitions.
    Revoked,
    /// Configured topics do not exist, for this reason.
    TopicsMissing(String),
    /// Records are still missing from the state, for this reason.
    Incomplete(String),
    /// A reload has replaced the consumer. The records continue at the same offsets.
    ConsumerReplaced,
    /// The ingest loop has failed, for this reason.
    Failed(String),
    /// A checkpoint is on disk. The epoch is that of its snapshot, if the state was complete.
    CheckpointWritten(Option<VisibilityEpoch>),
}

/// The caller carries these out in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum VisibilityEffect {
    WithholdKpis,
    /// Be not ready, for this reason.
    NotReady(String),
    /// Publish the offsets and clocks of the checkpoint, without KPI series.
    PublishProgress,
    /// Publish the snapshot of the checkpoint.
    PublishKpis,
    /// Be ready: the KPI series are complete.
    CaughtUp,
}

use VisibilityEffect::{CaughtUp, NotReady, PublishKpis, PublishProgress, WithholdKpis};
use VisibilityState::{Bridging, CatchingUp, Ended, Shown};

/// When a snapshot was taken. Between the snapshot and the end of the write, partitions may be revoked
/// or the consumer may be replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct VisibilityEpoch {
    /// How often the series were withheld: an older snapshot is not published.
    withheld: u64,
    /// How often the consumer was replaced: an older snapshot does not end the bridging.
    replaced: u64,
}

#[derive(Debug)]
pub(super) struct Visibility {
    state: VisibilityState,
    epoch: VisibilityEpoch,
}

impl Visibility {
    pub(super) fn new() -> Self {
        Self {
            state: CatchingUp,
            epoch: VisibilityEpoch::default(),
        }
    }

    /// Whether every checkpoint is published.
    pub(super) fn is_shown(&self) -> bool {
        self.state == Shown
    }

    /// The epoch of a snapshot that is taken now.
    pub(super) fn epoch(&self) -> VisibilityEpoch {
        self.epoch
    }

    pub(super) fn on(&mut self, event: VisibilityEvent) -> Vec<VisibilityEffect> {
        match event {
            VisibilityEvent::Assigned if self.state == Bridging => {
                vec![NotReady("reading the topic".to_owned())]
            }
            VisibilityEvent::Assigned => self.withhold(CatchingUp, "reading the topic".to_owned()),
            VisibilityEvent::Revoked => {
                self.withhold(CatchingUp, "partitions are not owned".to_owned())
            }
            VisibilityEvent::TopicsMissing(reason) if matches!(self.state, Shown | Bridging) => {
                self.withhold(CatchingUp, reason)
            }
            VisibilityEvent::Incomplete(reason) if self.state != Shown => vec![NotReady(reason)],
            VisibilityEvent::TopicsMissing(_) | VisibilityEvent::Incomplete(_) => Vec::new(),
            VisibilityEvent::ConsumerReplaced => {
                if self.state != Shown {
                    return Vec::new(); // nothing is shown, or an earlier consumer is bridged already
                }
                self.state = Bridging;
                self.epoch.replaced += 1;
                let reason = "reloaded: waiting for partitions to be assigned";
                vec![NotReady(reason.to_owned())]
            }
            VisibilityEvent::Failed(reason) => self.withhold(Ended, reason),
            VisibilityEvent::CheckpointWritten(epoch) => self.checkpoint_written(epoch),
        }
    }

    fn withhold(&mut self, state: VisibilityState, reason: String) -> Vec<VisibilityEffect> {
        self.state = state;
        self.epoch.withheld += 1;
        vec![WithholdKpis, NotReady(reason)]
    }

    fn checkpoint_written(&mut self, epoch: Option<VisibilityEpoch>) -> Vec<VisibilityEffect> {
        let current = epoch.filter(|epoch| epoch.withheld == self.epoch.withheld);
        match (current, self.state) {
            // The bridged series stay together with the offsets that they belong to.
            (None, Bridging) => Vec::new(),
            (None, _) | (Some(_), Ended) => vec![PublishProgress],
            (Some(_), Shown) => vec![PublishKpis],
            (Some(epoch), _) if epoch.replaced != self.epoch.replaced => vec![PublishKpis],
            (Some(_), _) => {
                self.state = Shown;
                // Ready only after the series are there.
                vec![PublishKpis, CaughtUp]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::VisibilityEvent::{
        Assigned, CheckpointWritten, ConsumerReplaced, Failed, Incomplete, Revoked, TopicsMissing,
    };
    use super::*;

    fn withheld(reason: &str) -> Vec<VisibilityEffect> {
        vec![WithholdKpis, NotReady(reason.to_owned())]
    }

    fn written(visibility: &mut Visibility, epoch: VisibilityEpoch) -> Vec<VisibilityEffect> {
        visibility.on(CheckpointWritten(Some(epoch)))
    }

    fn shown() -> Visibility {
        let mut visibility = Visibility::new();
        let epoch = visibility.epoch();
        assert_eq!(written(&mut visibility, epoch), [PublishKpis, CaughtUp]);
        assert!(visibility.is_shown());
        visibility
    }

    fn bridging() -> Visibility {
        let mut visibility = shown();
        let effects = visibility.on(ConsumerReplaced);
        assert!(matches!(effects.as_slice(), [NotReady(_)]), "{effects:?}");
        assert!(!visibility.is_shown());
        visibility
    }

    #[test]
    fn catching_up_ends_with_a_complete_checkpoint() {
        let mut visibility = Visibility::new();
        assert_eq!(visibility.on(Assigned), withheld("reading the topic"));
        assert_eq!(visibility.on(CheckpointWritten(None)), [PublishProgress]);
        let behind = "7 records behind".to_owned();
        assert_eq!(
            visibility.on(Incomplete(behind.clone())),
            [NotReady(behind)]
        );
        assert_eq!(visibility.on(TopicsMissing("missing".to_owned())), []);
        assert_eq!(
            visibility.on(ConsumerReplaced),
            [],
            "there is nothing to bridge"
        );
        let epoch = visibility.epoch();
        assert_eq!(written(&mut visibility, epoch), [PublishKpis, CaughtUp]);
        assert_eq!(
            written(&mut visibility, epoch),
            [PublishKpis],
            "ready already"
        );
    }

    #[test]
    fn shown_series_are_withheld_when_records_may_be_missing() {
        let mut visibility = shown();
        assert_eq!(
            visibility.on(Incomplete("behind".to_owned())),
            [],
            "lag is normal"
        );
        for (event, reason) in [
            (Assigned, "reading the topic"),
            (Revoked, "partitions are not owned"),
            (TopicsMissing("missing".to_owned()), "missing"),
        ] {
            let mut visibility = shown();
            assert_eq!(visibility.on(event), withheld(reason));
            assert!(!visibility.is_shown());
        }
    }

    #[test]
    fn a_snapshot_from_before_the_series_were_withheld_is_not_published() {
        let mut visibility = shown();
        let epoch = visibility.epoch();
        visibility.on(Revoked);
        assert_eq!(written(&mut visibility, epoch), [PublishProgress]);
        assert!(!visibility.is_shown());
    }

    #[test]
    fn bridged_series_stay_until_the_new_consumer_has_caught_up() {
        let mut visibility = shown();
        let before = visibility.epoch();
        visibility.on(ConsumerReplaced);
        assert_eq!(visibility.on(ConsumerReplaced), [], "bridging already");
        assert_eq!(
            visibility.on(Assigned),
            [NotReady("reading the topic".to_owned())]
        );
        assert_eq!(visibility.on(CheckpointWritten(None)), []);
        assert_eq!(written(&mut visibility, before), [PublishKpis]);
        assert!(!visibility.is_shown(), "an older snapshot does not end it");
        let epoch = visibility.epoch();
        assert_eq!(written(&mut visibility, epoch), [PublishKpis, CaughtUp]);
        assert!(visibility.is_shown());
    }

    #[test]
    fn bridged_series_are_withheld_when_partitions_or_topics_go() {
        assert_eq!(bridging().on(Revoked), withheld("partitions are not owned"));
        let missing = TopicsMissing("missing".to_owned());
        assert_eq!(bridging().on(missing), withheld("missing"));
    }

    #[test]
    fn a_failure_withholds_the_series_in_every_state() {
        for mut visibility in [Visibility::new(), shown(), bridging()] {
            let epoch = visibility.epoch();
            assert_eq!(
                visibility.on(Failed("fenced".to_owned())),
                withheld("fenced")
            );
            assert_eq!(written(&mut visibility, epoch), [PublishProgress]);
            assert!(!visibility.is_shown());
        }
    }
}
