//! What can be seen from outside at this moment: the handle between the application, which sets
//! it, and the server, which shows it.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::Readiness;
use crate::edge::self_metrics::SelfMetrics;
use crate::engine::Series;

/// KPI series that scrapes may share.
pub type KpiSeries = Arc<dyn Series + Send + Sync>;

/// A small table of KPIs for the landing page; plain text, escaped by the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// What the table shows, and as of when.
    pub caption: String,
    /// Headings of the columns after the team.
    pub columns: Vec<String>,
    pub rows: Vec<OverviewRow>,
}

/// One team.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverviewRow {
    pub team: String,
    /// As many as there are columns.
    pub cells: Vec<String>,
}

/// How far the input is in what is shown, and the KPIs that follow from it. One scrape sees both
/// as of the same instant, so that a series can be checked against the records behind it.
#[derive(Clone, Default)]
pub struct View {
    /// `None` while nothing was read.
    pub progress: Option<KpiSeries>,
    /// `None` while they are withheld.
    pub kpis: Option<KpiSeries>,
}

/// See the module. Share it in an [`Arc`]; replacing what is published never waits for a scrape.
pub struct Published {
    readiness: Readiness,
    self_metrics: Arc<SelfMetrics>,
    view: RwLock<View>,
    overview: RwLock<Option<Arc<Overview>>>,
}

impl Published {
    /// Nothing but the self-metrics: the KPIs are withheld until they are published.
    pub fn new(self_metrics: Arc<SelfMetrics>, readiness: Readiness) -> Self {
        Self {
            readiness,
            self_metrics,
            view: RwLock::default(),
            overview: RwLock::new(None),
        }
    }

    /// Shows these series from now on. Scrapes under way finish with the earlier ones.
    pub fn publish(&self, view: View) {
        replace(&self.view, view);
    }

    /// Shows how far the input is, and goes on showing or withholding the KPIs.
    pub fn set_progress(&self, progress: KpiSeries) {
        let View { kpis, .. } = self.view();
        self.publish(View {
            progress: Some(progress),
            kpis,
        });
    }

    /// Shows this table on the landing page from now on.
    pub fn set_overview(&self, overview: Overview) {
        replace(&self.overview, Some(Arc::new(overview)));
    }

    /// Shows no KPIs from now on: their series go stale, which is not the same as 0.
    pub fn withhold(&self) {
        let View { progress, .. } = self.view();
        self.publish(View {
            progress,
            kpis: None,
        });
        replace(&self.overview, None);
    }

    pub fn view(&self) -> View {
        current(&self.view)
    }

    pub fn overview(&self) -> Option<Arc<Overview>> {
        current(&self.overview)
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
