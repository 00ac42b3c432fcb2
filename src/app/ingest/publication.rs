//! Publication: carries out the effects of [`Visibility`] on the scrapes and the readiness.

use std::sync::Arc;

use tracing::info;

use super::checkpoints::TakenCheckpoint;
use super::visibility::{Visibility, VisibilityEffect, VisibilityEpoch, VisibilityEvent};
use crate::domain::timestamp::{Timestamp, seconds};
use crate::edge::http::{Latch, Published, PublishedView};
use crate::edge::self_metrics::{SelfMetrics, TicketState};
use crate::engine::TicketStates;

pub(super) struct Publication {
    visibility: Visibility,
    published: Arc<Published>,
    /// Held while the series are incomplete.
    latch: Option<Latch>,
}

impl Publication {
    pub(super) fn new(published: Arc<Published>) -> Self {
        let readiness = published.readiness();
        let latch = readiness.hold("waiting for partitions to be assigned");
        Self {
            visibility: Visibility::new(),
            published,
            latch: Some(latch),
        }
    }

    /// Whether every checkpoint is published.
    pub(super) fn is_shown(&self) -> bool {
        self.visibility.is_shown()
    }

    /// The epoch of a snapshot that is taken now.
    pub(super) fn epoch(&self) -> VisibilityEpoch {
        self.visibility.epoch()
    }

    pub(super) fn on(&mut self, event: VisibilityEvent) {
        for effect in self.visibility.on(event) {
            match effect {
                VisibilityEffect::WithholdKpis => self.published.withhold(),
                VisibilityEffect::NotReady(reason) => self.not_ready(reason),
                // Only `publish` has a checkpoint.
                VisibilityEffect::PublishProgress
                | VisibilityEffect::PublishKpis
                | VisibilityEffect::CaughtUp => {}
            }
        }
    }

    /// Withholds the series for good. The latch keeps the exporter from being ready.
    pub(super) fn fail(&mut self, reason: String) -> Latch {
        self.on(VisibilityEvent::Failed(reason.clone()));
        let latch = self.latch.take();
        latch.unwrap_or_else(|| self.published.readiness().hold(reason))
    }

    /// Publishes a checkpoint that is on disk, if it may be seen. `records`: all records so far.
    pub(super) fn publish(&mut self, checkpoint: TakenCheckpoint, now: Timestamp, records: u64) {
        let TakenCheckpoint {
            progress,
            mut snapshot,
            answers,
            breaches,
            ..
        } = checkpoint;
        let mut answers = Some(answers);
        let epoch = snapshot.as_ref().map(|(_, epoch)| *epoch);
        for effect in self
            .visibility
            .on(VisibilityEvent::CheckpointWritten(epoch))
        {
            match effect {
                VisibilityEffect::PublishProgress => {
                    self.published.set_progress(Arc::clone(&progress) as _);
                }
                VisibilityEffect::PublishKpis => {
                    if let Some((snapshot, _)) = snapshot.take() {
                        set_tickets(self.published.self_metrics(), snapshot.states());
                        self.published.publish(PublishedView {
                            progress: Some(Arc::clone(&progress) as _),
                            kpis: Some(Arc::new(snapshot)),
                        });
                    }
                    for answer in answers.take().into_iter().flatten() {
                        answer.send();
                    }
                    for deadline in &breaches {
                        let delay = seconds(now.since(*deadline));
                        self.published
                            .self_metrics()
                            .observe_breach_detection(delay);
                    }
                }
                VisibilityEffect::CaughtUp => {
                    info!(records, "caught up");
                    self.published.self_metrics().set_caught_up(true);
                    self.latch = None;
                }
                VisibilityEffect::WithholdKpis | VisibilityEffect::NotReady(_) => {}
            }
        }
    }

    fn not_ready(&mut self, reason: String) {
        self.published.self_metrics().set_caught_up(false);
        match &self.latch {
            Some(latch) => latch.set_reason(reason),
            None => self.latch = Some(self.published.readiness().hold(reason)),
        }
    }
}

fn set_tickets(metrics: &SelfMetrics, states: TicketStates) {
    for (state, count) in [
        (TicketState::Open, states.open),
        (TicketState::Solved, states.solved),
        (TicketState::Finalized, states.finalized),
        (TicketState::Withdrawn, states.withdrawn),
    ] {
        metrics.set_tickets(state, count);
    }
}
