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

/// See the module. Share it in an [`Arc`]; replacing what is published never waits for a scrape.
pub struct Published {
    readiness: Readiness,
    self_metrics: Arc<SelfMetrics>,
    kpis: RwLock<Option<KpiSeries>>,
    overview: RwLock<Option<Arc<Overview>>>,
}

impl Published {
    /// Nothing but the self-metrics: the KPIs are withheld until they are published.
    pub fn new(self_metrics: Arc<SelfMetrics>, readiness: Readiness) -> Self {
        Self {
            readiness,
            self_metrics,
            kpis: RwLock::new(None),
            overview: RwLock::new(None),
        }
    }

    /// Shows these KPI series from now on. Scrapes under way finish with the earlier ones.
    pub fn publish(&self, kpis: KpiSeries) {
        replace(&self.kpis, Some(kpis));
    }

    /// Shows this table on the landing page from now on.
    pub fn set_overview(&self, overview: Overview) {
        replace(&self.overview, Some(Arc::new(overview)));
    }

    /// Shows no KPIs from now on: their series go stale, which is not the same as 0.
    pub fn withhold(&self) {
        replace(&self.kpis, None);
        replace(&self.overview, None);
    }

    /// The KPI series; `None` while they are withheld.
    pub fn kpis(&self) -> Option<KpiSeries> {
        current(&self.kpis)
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
            .field("kpis_withheld", &self.kpis().is_none())
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
