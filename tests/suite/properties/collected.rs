//! A visitor that collects series.

use std::collections::BTreeMap;

use ticket_exporter::domain::catalog::{Family, MetricKind};
use ticket_exporter::domain::timestamp::Timestamp;
use ticket_exporter::engine::{Sample, Series, Snapshot, Visitor};

/// A value of either kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    Histogram(Histogram),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Not cumulative; the last one is `+Inf`.
    pub counts: Vec<u64>,
    pub count: u64,
    pub sum: f64,
    pub zero: u64,
    pub native: BTreeMap<i32, u64>,
}

impl Value {
    fn is_nothing(&self) -> bool {
        match self {
            Self::Number(number) => *number == 0.0,
            Self::Histogram(histogram) => histogram.count == 0,
        }
    }

    pub fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Histogram(_) => panic!("a histogram"),
        }
    }
}

/// Label values by name, in the family's order.
pub type Labels = Vec<(&'static str, String)>;

#[derive(Clone, Debug, Default)]
pub struct Collected {
    pub families: BTreeMap<&'static str, BTreeMap<Labels, Value>>,
    kinds: BTreeMap<&'static str, MetricKind>,
    current: Option<&'static Family>,
    label_names: Vec<&'static str>,
}

impl Collected {
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut collected = Self::default();
        snapshot.visit(&mut collected);
        collected
    }

    /// Whether a family only ever increases.
    pub fn is_cumulative(&self, family: &str) -> bool {
        matches!(
            self.kinds[family],
            MetricKind::Counter | MetricKind::Histogram
        )
    }

    pub fn kind(&self, family: &str) -> MetricKind {
        self.kinds[family]
    }

    /// Families whose values may be added up over labels.
    pub fn series(&self, family: &str) -> impl Iterator<Item = (&Labels, &Value)> {
        self.families.get(family).into_iter().flatten()
    }

    /// A family summed over all labels but these.
    pub fn sums(&self, family: &str, by: &[&str]) -> BTreeMap<Vec<String>, f64> {
        let mut sums = BTreeMap::new();
        for (labels, value) in self.series(family) {
            let key = labels
                .iter()
                .filter(|(name, _)| by.contains(name))
                .map(|(_, value)| value.clone())
                .collect();
            let sum = sums.entry(key).or_insert(0.0);
            // Whole milliseconds: rounding keeps sums exact.
            *sum = ((*sum + value.number()) * 1_000.0).round() / 1_000.0;
        }
        sums
    }

    /// A family summed over all labels.
    pub fn sum(&self, family: &str) -> f64 {
        self.sums(family, &[]).values().sum()
    }

    /// A histogram family summed over all labels but these.
    pub fn histograms(&self, family: &str, by: &[&str]) -> BTreeMap<Vec<String>, Histogram> {
        let mut sums = BTreeMap::<_, Histogram>::new();
        for (labels, value) in self.series(family) {
            let Value::Histogram(histogram) = value else {
                continue;
            };
            let key = labels
                .iter()
                .filter(|(name, _)| by.contains(name))
                .map(|(_, value)| value.clone())
                .collect();
            sums.entry(key).or_default().add(histogram);
        }
        sums.retain(|_, histogram| histogram.count > 0);
        sums
    }

    /// Describes every series that differs.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let names = self.families.keys().chain(other.families.keys());
        for family in names.collect::<std::collections::BTreeSet<_>>() {
            let (left, right) = (self.families.get(family), other.families.get(family));
            let keys = left.into_iter().chain(right).flat_map(BTreeMap::keys);
            for key in keys.collect::<std::collections::BTreeSet<_>>() {
                let left = left.and_then(|series| series.get(key));
                let right = right.and_then(|series| series.get(key));
                let nothing = |value: Option<&Value>| value.is_none_or(Value::is_nothing);
                if left != right && !(nothing(left) && nothing(right)) {
                    found.push(format!("{family}{key:?}: {left:?} and {right:?}"));
                }
            }
        }
        found
    }
}

impl Histogram {
    pub fn add(&mut self, other: &Self) {
        self.counts.resize(other.counts.len(), 0);
        for (total, count) in self.counts.iter_mut().zip(&other.counts) {
            *total += count;
        }
        self.count += other.count;
        // Whole milliseconds: rounding keeps sums exact.
        self.sum = ((self.sum + other.sum) * 1_000.0).round() / 1_000.0;
        self.zero += other.zero;
        for (index, count) in &other.native {
            *self.native.entry(*index).or_default() += count;
        }
    }
}

impl Visitor for Collected {
    fn family(&mut self, family: &'static Family, labels: &[&str], _start: Option<Timestamp>) {
        self.current = Some(family);
        // Few tests have names that are not in the catalog.
        let name = |name: &&str| -> &'static str {
            let known = family.labels.iter().find(|known| *known == name);
            known
                .copied()
                .unwrap_or_else(|| String::leak((*name).to_owned()))
        };
        self.label_names = labels.iter().map(name).collect();
        self.families.entry(family.name).or_default();
        self.kinds.insert(family.name, family.kind);
    }

    fn sample(&mut self, values: &[&str], sample: Sample<'_>) {
        let family = self.current.unwrap();
        assert_eq!(values.len(), self.label_names.len(), "{}", family.name);
        let labels = self
            .label_names
            .iter()
            .copied()
            .zip(values.iter().map(|value| (*value).to_owned()))
            .collect();
        let value = match sample {
            Sample::Number(number) => Value::Number(number),
            Sample::Histogram(view) => {
                let native = view.native.unwrap();
                Value::Histogram(Histogram {
                    counts: view.counts.to_vec(),
                    count: view.count,
                    sum: view.sum,
                    zero: native.zero_count,
                    native: native.buckets.iter().copied().collect(),
                })
            }
        };
        let before = self
            .families
            .get_mut(family.name)
            .and_then(|series| series.insert(labels, value));
        assert!(before.is_none(), "{} {values:?} twice", family.name);
    }
}
