//! The interface between series and exposition formats: a walk over all families and series.

use crate::domain::catalog::Family;
use crate::domain::timestamp::Timestamp;

/// A source of series.
pub trait Series {
    /// Calls `visitor` for each family, followed by each of its series. May leave out a family
    /// without series.
    fn visit(&self, visitor: &mut dyn Visitor);
}

/// A writer of an exposition format.
pub trait Visitor {
    /// Starts a family. `labels`: the names of its labels, as [`Family::label_names`] gives them.
    /// `start`: the time at which its counters and histograms began to count. They survive restarts, so
    /// it may be before the start of the process. `None` for gauges.
    fn family(&mut self, family: &'static Family, labels: &[&str], start: Option<Timestamp>);

    /// One series of the current family. `values`: the label values in the order of the label names, not
    /// escaped.
    fn sample(&mut self, values: &[&str], sample: Sample<'_>);
}

/// The value of one series.
#[derive(Clone, Copy, Debug)]
pub enum Sample<'a> {
    /// A counter or a gauge.
    Number(f64),
    Histogram(HistogramView<'a>),
}

/// A histogram with classic and with native buckets.
#[derive(Clone, Copy, Debug)]
pub struct HistogramView<'a> {
    /// Upper bounds in seconds, ascending, without `+Inf`.
    pub bounds: &'a [f64],
    /// Observations per bucket, not cumulative. One more than `bounds`; the last one is `+Inf`.
    pub counts: &'a [u64],
    pub count: u64,
    /// Seconds.
    pub sum: f64,
    /// `None`: the family has no native histogram.
    pub native: Option<NativeView<'a>>,
    /// At most one per bucket, in the order of `counts`. Empty if exemplars are disabled.
    pub exemplars: &'a [Option<Exemplar>],
}

/// A Prometheus native histogram of the standard exponential schema.
#[derive(Clone, Copy, Debug)]
pub struct NativeView<'a> {
    /// Bucket growth is 2^(2^-schema).
    pub schema: i32,
    /// The count of observations of at most [`Self::zero_threshold`] seconds.
    pub zero_count: u64,
    pub zero_threshold: f64,
    /// Index and count of each bucket, ascending, not cumulative. Bucket `i` holds the values in
    /// (2^((i-1)·2^-schema), 2^(i·2^-schema)].
    pub buckets: &'a [(i32, u64)],
}

/// The last observation of a bucket, with its ticket.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    pub ticket_id: String,
    /// Seconds.
    pub value: f64,
    pub at: Timestamp,
}
