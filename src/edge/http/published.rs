//! The state that the application publishes and the server shows.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::questions::TicketQuestions;
use super::readiness::Readiness;
use super::reload_requests::ReloadRequests;
use super::switches::Switches;
use crate::edge::self_metrics::SelfMetrics;
use crate::engine::{CohortReport, Report, Series, Snapshot};

pub type SharedSeries = Arc<dyn Series + Send + Sync>;
pub type SharedKpis = Arc<dyn Kpis + Send + Sync>;

/// KPIs as series for scrapes, and as a report for pages and programs.
pub trait Kpis: Series {
    /// Computed on each call.
    fn report(&self) -> Report;

    /// The parts of a team by priority and attributes, computed on each call.
    fn cohorts(&self, _team: &str) -> Vec<CohortReport> {
        Vec::new()
    }
}

impl Kpis for Snapshot {
    fn report(&self) -> Report {
        Self::report(self)
    }

    fn cohorts(&self, team: &str) -> Vec<CohortReport> {
        self.cohort_reports(team)
    }
}

/// The KPIs and the progress of the input that they include. A scrape sees both as of the same
/// instant, so that a series can be checked against the records behind it.
#[derive(Clone, Default)]
pub struct PublishedView {
    /// `None` until the consumer has read something.
    pub progress: Option<SharedSeries>,
    /// `None` while the KPIs are withheld.
    pub kpis: Option<SharedKpis>,
}

/// A view and its number, which grows with every publication.
#[derive(Clone, Default)]
pub(super) struct NumberedView {
    pub(super) number: u64,
    pub(super) view: PublishedView,
}

/// Replacing the view never waits for a scrape.
pub struct Published {
    readiness: Readiness,
    self_metrics: Arc<SelfMetrics>,
    shown: RwLock<NumberedView>,
    questions: TicketQuestions,
    reloads: Arc<ReloadRequests>,
    switches: Switches,
}

impl Published {
    /// The KPIs are withheld until the first publication.
    pub fn new(self_metrics: Arc<SelfMetrics>, readiness: Readiness) -> Self {
        Self {
            readiness,
            self_metrics,
            shown: RwLock::default(),
            questions: TicketQuestions::default(),
            reloads: Arc::default(),
            switches: Switches::default(),
        }
    }

    /// Replaces the view. Scrapes in progress finish with the earlier one.
    pub fn publish(&self, view: PublishedView) {
        let earlier = {
            let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
            shown.number += 1;
            std::mem::replace(&mut shown.view, view)
        };
        drop(earlier); // may free a large snapshot, so not under the lock
    }

    /// Replaces the progress, and leaves the KPIs as they are.
    pub fn set_progress(&self, progress: SharedSeries) {
        let PublishedView { kpis, .. } = self.view();
        self.publish(PublishedView {
            progress: Some(progress),
            kpis,
        });
    }

    /// Withholds the KPIs: their series become stale instead of 0.
    pub fn withhold(&self) {
        let PublishedView { progress, .. } = self.view();
        self.publish(PublishedView {
            progress,
            kpis: None,
        });
        // The server will not show the answers.
        drop(self.questions.take());
    }

    pub fn view(&self) -> PublishedView {
        self.shown().view
    }

    pub(super) fn shown(&self) -> NumberedView {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        shown.clone()
    }

    pub fn questions(&self) -> &TicketQuestions {
        &self.questions
    }

    pub fn reloads(&self) -> &Arc<ReloadRequests> {
        &self.reloads
    }

    pub fn switches(&self) -> &Switches {
        &self.switches
    }

    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    pub fn self_metrics(&self) -> &Arc<SelfMetrics> {
        &self.self_metrics
    }
}

impl fmt::Debug for Published {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Published")
            .field("readiness", &self.readiness)
            .field("kpis_withheld", &self.view().kpis.is_none())
            .finish_non_exhaustive()
    }
}
