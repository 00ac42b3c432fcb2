//! Measures a large exposition. Run it by hand:
//! `cargo test --release --lib -- --ignored --nocapture exposition_speed`

use std::time::{Duration, Instant};

use super::{Format, render};
use crate::domain::catalog;
use crate::domain::timestamp::Timestamp;
use crate::engine::{HistogramView, NativeView, Sample, Series, Visitor};

/// 1,500 pairs of team and priority × (6 histogram families × 2 clocks × 14 lines + 32
/// counters) = 300,000 series in text.
const TEAMS: usize = 300;
const PRIORITIES: usize = 5;
const COUNTERS: usize = 32;
const BOUNDS: [f64; 11] = [
    60.0,
    300.0,
    900.0,
    1_800.0,
    3_600.0,
    7_200.0,
    14_400.0,
    28_800.0,
    86_400.0,
    172_800.0,
    2_592_000.0,
];

struct ManySeries {
    teams: Vec<String>,
    priorities: Vec<String>,
}

impl ManySeries {
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.teams.iter().flat_map(|team| {
            self.priorities
                .iter()
                .map(move |priority| (team.as_str(), priority.as_str()))
        })
    }
}

impl Series for ManySeries {
    fn visit(&self, visitor: &mut dyn Visitor) {
        let start = Some(Timestamp(1_755_555_555_123));
        for counter in 0..COUNTERS {
            visitor.family(&catalog::CREATED, start);
            let channel = counter.to_string();
            for (position, (team, priority)) in self.pairs().enumerate() {
                #[allow(clippy::cast_precision_loss)]
                let value = (position * 17 + counter) as f64;
                visitor.sample(&[team, priority, &channel], Sample::Number(value));
            }
        }
        for family in [
            &catalog::FIRST_RESPONSE,
            &catalog::NEXT_RESPONSE,
            &catalog::FIRST_RESOLUTION,
            &catalog::FULL_RESOLUTION,
            &catalog::TEAM_OWNERSHIP,
            &catalog::HANDLE,
        ] {
            visitor.family(family, start);
            for (team, priority) in self.pairs() {
                for clock in ["calendar", "business"] {
                    let view = HistogramView {
                        bounds: &BOUNDS,
                        counts: &[4, 11, 230, 17, 1_024, 12, 0, 3, 40, 1, 0, 2],
                        count: 1_344,
                        sum: 5_123_456.789,
                        native: Some(NativeView {
                            schema: 3,
                            zero_count: 0,
                            zero_threshold: 0.001,
                            buckets: &[(40, 4), (60, 11), (70, 247), (80, 1_036), (95, 46)],
                        }),
                        exemplars: &[],
                    };
                    visitor.sample(&[team, priority, clock], Sample::Histogram(view));
                }
            }
        }
    }
}

#[test]
#[ignore = "long: a measurement, for optimized builds"]
fn exposition_speed() {
    let series = ManySeries {
        teams: (0..TEAMS).map(|team| format!("team-{team}")).collect(),
        priorities: (1..=PRIORITIES).map(|level| format!("p{level}")).collect(),
    };
    for format in Format::ALL {
        let mut best = Duration::MAX;
        let mut size = 0;
        for _ in 0..7 {
            let started = Instant::now();
            let bytes = render(format, &[&series], size);
            best = best.min(started.elapsed());
            size = bytes.len();
            if format == Format::Text {
                let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
                assert!(lines >= 300_000, "{lines}");
            }
        }
        println!("{format:?}: {best:?}, {size} bytes");
        assert!(best < Duration::from_millis(200), "{format:?} {best:?}");
    }
}
