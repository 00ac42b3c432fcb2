//! How series leave the engine: a walk, family by family, that a writer of a format listens to.

use crate::domain::catalog::Family;
use crate::domain::timestamp::Timestamp;

/// Anything that can be exposed.
pub trait Series {
    /// Calls `visitor` for each family and then for each of its series. A family without series
    /// may be left out.
    fn visit(&self, visitor: &mut dyn Visitor);
}

/// A writer of an exposition format.
pub trait Visitor {
    /// Starts a family. `start` is when its counters and histograms began to count: they survive
    /// restarts, so it lies before the start of the process. `None` for gauges.
    fn family(&mut self, family: &'static Family, start: Option<Timestamp>);

    /// One series of the family last started. `values` are the label values in the order of
    /// [`Family::labels`], unescaped.
    fn sample(&mut self, values: &[&str], sample: Sample<'_>);
}

/// The value of one series.
#[derive(Clone, Copy, Debug)]
pub enum Sample<'a> {
    /// Counters and gauges.
    Number(f64),
    Histogram(HistogramView<'a>),
}

/// A histogram in both shapes: classic buckets and sparse native ones.
#[derive(Clone, Copy, Debug)]
pub struct HistogramView<'a> {
    /// Upper bounds in seconds, ascending, without `+Inf`.
    pub bounds: &'a [f64],
    /// Observations in each bucket, not cumulative; one more than `bounds`, the last is `+Inf`.
    pub counts: &'a [u64],
    pub count: u64,
    /// Seconds.
    pub sum: f64,
    /// `None` where the family has no native histogram.
    pub native: Option<NativeView<'a>>,
    /// At most one for each bucket, in the order of `counts`; empty unless switched on.
    pub exemplars: &'a [Option<Exemplar>],
}

/// A Prometheus native histogram of the standard exponential schema.
#[derive(Clone, Copy, Debug)]
pub struct NativeView<'a> {
    /// Bucket growth is 2^(2^-schema).
    pub schema: i32,
    /// Observations of at most [`Self::zero_threshold`] seconds.
    pub zero_count: u64,
    pub zero_threshold: f64,
    /// Bucket index and its count, not cumulative, ascending: bucket `i` holds values in
    /// (2^((i-1)·2^-schema), 2^(i·2^-schema)].
    pub buckets: &'a [(i32, u64)],
}

/// The last observation of a bucket, with the ticket it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    pub ticket_id: String,
    /// Seconds.
    pub value: f64,
    pub at: Timestamp,
}
