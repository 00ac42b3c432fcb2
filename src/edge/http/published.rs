//! What can be seen from outside at this moment: the handle between the application, which sets
//! it, and the server, which shows it.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Questions, Readiness, Reloads, Switches};
use crate::edge::self_metrics::SelfMetrics;
use crate::engine::{Report, Series, Snapshot};

/// Series that scrapes may share.
pub type SharedSeries = Arc<dyn Series + Send + Sync>;
/// KPIs that scrapes and pages may share.
pub type SharedKpis = Arc<dyn Kpis + Send + Sync>;

/// KPIs as series for scrapes, and as a report for pages and programs.
pub trait Kpis: Series {
    /// Computed when somebody asks.
    fn report(&self) -> Report;
}

impl Kpis for Snapshot {
    fn report(&self) -> Report {
        Self::report(self)
    }
}

/// How far the input is in what is shown, and the KPIs that follow from it. One scrape sees both
/// as of the same instant, so that a series can be checked against the records behind it.
#[derive(Clone, Default)]
pub struct View {
    /// `None` while nothing was read.
    pub progress: Option<SharedSeries>,
    /// `None` while they are withheld.
    pub kpis: Option<SharedKpis>,
}

/// A view, and its number: each publication has a greater one than the publication before it.
#[derive(Clone, Default)]
pub(super) struct Shown {
    pub(super) number: u64,
    pub(super) view: View,
}

/// See the module. Share it in an [`Arc`]; replacing what is published never waits for a scrape.
pub struct Published {
    readiness: Readiness,
    self_metrics: Arc<SelfMetrics>,
    shown: RwLock<Shown>,
    questions: Questions,
    reloads: Reloads,
    switches: Switches,
}

impl Published {
    /// Nothing but the self-metrics: the KPIs are withheld until they are published.
    pub fn new(self_metrics: Arc<SelfMetrics>, readiness: Readiness) -> Self {
        Self {
            readiness,
            self_metrics,
            shown: RwLock::default(),
            questions: Questions::default(),
            reloads: Reloads::default(),
            switches: Switches::default(),
        }
    }

    /// Shows these series from now on. Scrapes under way finish with the earlier ones. The lock is
    /// held for the exchange of pointers only.
    pub fn publish(&self, view: View) {
        let earlier = {
            let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
            shown.number += 1;
            std::mem::replace(&mut shown.view, view)
        };
        drop(earlier); // may be the last owner of a large snapshot: not under the lock
    }

    /// Shows how far the input is, and goes on showing or withholding the KPIs.
    pub fn set_progress(&self, progress: SharedSeries) {
        let View { kpis, .. } = self.view();
        self.publish(View {
            progress: Some(progress),
            kpis,
        });
    }

    /// Shows no KPIs from now on: their series go stale, which is not the same as 0.
    pub fn withhold(&self) {
        let View { progress, .. } = self.view();
        self.publish(View {
            progress,
            kpis: None,
        });
        // Nobody should wait for an answer that is not to be shown.
        drop(self.questions.take());
    }

    pub fn view(&self) -> View {
        self.shown().view
    }

    /// The view with its number, by which scrapes of the same publication find each other.
    pub(super) fn shown(&self) -> Shown {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        shown.clone()
    }

    /// What people want to know about tickets.
    pub fn questions(&self) -> &Questions {
        &self.questions
    }

    /// Who wants the configuration loaded again.
    pub fn reloads(&self) -> &Reloads {
        &self.reloads
    }

    /// What pages may show and do.
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
