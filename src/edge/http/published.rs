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

/// See the module. Share it in an [`Arc`]; replacing what is published never waits for a scrape.
pub struct Published {
    readiness: Readiness,
    self_metrics: Arc<SelfMetrics>,
    view: RwLock<View>,
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
            view: RwLock::default(),
            questions: Questions::default(),
            reloads: Reloads::default(),
            switches: Switches::default(),
        }
    }

    /// Shows these series from now on. Scrapes under way finish with the earlier ones.
    pub fn publish(&self, view: View) {
        replace(&self.view, view);
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
        current(&self.view)
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

// A lock is held for the copy or exchange of one pointer only; nothing in between can panic.

fn current<T: Clone>(lock: &RwLock<T>) -> T {
    lock.read().unwrap_or_else(PoisonError::into_inner).clone()
}

fn replace<T>(lock: &RwLock<T>, value: T) {
    let earlier = {
        let mut guard = lock.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *guard, value)
    };
    drop(earlier); // may be the last owner of a large snapshot: not under the lock
}
