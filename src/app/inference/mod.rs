//! Proposes a mapping for sample records: a preset that fits, or the part of a mapping that the samples
//! show beyond doubt, with questions for the rest. It tries either on the samples.
//!
//! A wrong rule gives wrong numbers, and a missing rule gives none. So a rule needs strong evidence, and
//! no value that could be the name of a person becomes a label. The proposal shows the names of members,
//! and the words of lists to choose from, but no other content of the samples.

mod column;
mod draft;
mod events;
mod evidence;
mod members;
mod names;
mod samples_table;
mod signatures;
#[cfg(test)]
mod tests;
mod unwrapping;
mod vocabulary;

use std::path::Path;

use crate::config::{self, CANONICAL};
use crate::decode::{Decoded, Decoder, IgnoreReason, Record};
pub use column::is_choice;
use draft::Draft;
use evidence::Evidence;
use samples_table::{SampleRow, SamplesTable};

/// Presets for the wrappers around the records of any system.
const WRAPPERS: [&str; 2] = ["debezium", "cloudevents"];
/// Records in files have no timestamp. While a mapping is tried, any time will do.
const ANY_TIME: i64 = 1_767_225_600_000;
/// Of ten records of a system that a preset knows, this number may be rejected.
const MOST_REJECTED: usize = 1;

#[derive(Debug)]
pub struct Proposal {
    /// A part of a configuration, in YAML with comments.
    pub yaml: String,
    /// The preset that the proposal names. `None`: the proposal is a mapping of its own.
    pub preset: Option<&'static str>,
    /// The outcome of the proposal for the samples.
    pub trial: MappingTrial,
}

/// The outcome of a mapping for the samples.
#[derive(Debug, Default)]
pub struct MappingTrial {
    pub records: usize,
    pub events: usize,
    /// Records that gave events.
    pub mapped: usize,
    /// Records that a rule ignores.
    pub ignored: usize,
    /// Records that no rule fits, and records without a value.
    pub unknown: usize,
    pub rejected: usize,
}

/// `None`: no member is the id of a ticket beyond doubt.
pub fn propose(samples: &[Record<'_>]) -> Option<Proposal> {
    let (rows, unreadable) = samples_table::rows(samples);
    let presets = signatures::presets(&rows);
    let mut fallback = None;
    for (preset, share) in &presets {
        let Some(trial) = MappingTrial::of_preset(preset, samples) else {
            continue;
        };
        let is_enough = trial.mapped * 2 >= trial.records
            || !WRAPPERS.contains(preset) && trial.mapped + trial.ignored > 0;
        let fits = trial.fits() && is_enough;
        let proposal = propose_preset(preset, *share, trial);
        if fits {
            return Some(proposal);
        }
        fallback.get_or_insert(proposal);
    }
    let own = own_mapping(rows).and_then(|mapping| {
        let trial = MappingTrial::new(&mapping, samples)?;
        let header = own_header(&presets, unreadable);
        Some(Proposal {
            yaml: format!("{header}{mapping}{}", trial.comments()),
            preset: None,
            trial,
        })
    });
    match (own, fallback) {
        (Some(own), Some(fallback)) if own.trial.fits_better_than(&fallback.trial) => Some(own),
        (own, fallback) => fallback.or(own),
    }
}

/// A mapping made without a preset, in YAML.
pub fn propose_own_mapping(samples: &[Record<'_>]) -> Option<String> {
    own_mapping(samples_table::rows(samples).0)
}

fn own_mapping(mut rows: Vec<SampleRow>) -> Option<String> {
    let mut draft = Draft::new(unwrapping::unwrap(&mut rows));
    let table = SamplesTable::new(&rows);
    let evidence = Evidence::new(&table)?;
    let times = members::add(&evidence, &mut draft);
    events::add(&evidence, &times, &mut draft);
    Some(draft.write())
}

/// The preset that makes events of the samples.
pub fn fitting_preset(samples: &[Record<'_>]) -> Option<&'static str> {
    let presets = signatures::presets(&samples_table::rows(samples).0).into_iter();
    presets.map(|(preset, _)| preset).find(|preset| {
        let trial = MappingTrial::of_preset(preset, samples);
        trial.is_some_and(|trial| trial.mapped > 0 && trial.fits())
    })
}

impl MappingTrial {
    fn of_preset(preset: &str, samples: &[Record<'_>]) -> Option<Self> {
        Self::new(&format!("mapping: {{ preset: {preset} }}\n"), samples)
    }

    /// `None`: the configuration cannot be loaded.
    fn new(yaml: &str, samples: &[Record<'_>]) -> Option<Self> {
        let file = Path::new("mapping");
        let mut read = |_: &Path| Ok(yaml.to_owned());
        let loaded = config::load(Some(file), [], &[], &mut read).ok()?;
        let decoder = Decoder::new(&loaded.config.mapping);
        let mut trial = Self {
            records: samples.len(),
            ..Self::default()
        };
        for sample in samples {
            let record = Record {
                timestamp: sample.timestamp.or(Some(ANY_TIME)),
                ..sample.clone()
            };
            let decoded = decoder.decode(&record, None);
            let events = decoded.events().len();
            trial.events += events;
            trial.mapped += usize::from(events > 0);
            trial.rejected += usize::from(decoded.rejection().is_some());
            if let Decoded::Mapped(mapped) = &decoded
                && let Some(reason) = mapped.ignored
            {
                match reason {
                    IgnoreReason::IgnoredByRule => trial.ignored += 1,
                    IgnoreReason::NoRule | IgnoreReason::Tombstone => trial.unknown += 1,
                }
            }
        }
        Some(trial)
    }

    fn fits(&self) -> bool {
        self.rejected * 10 <= self.records * MOST_REJECTED
    }

    /// More records give events, and the other does not ignore most of them on purpose.
    fn fits_better_than(&self, other: &Self) -> bool {
        self.mapped > other.mapped && other.ignored * 2 < other.records
    }

    pub fn summary(&self) -> String {
        format!(
            "{} records: {} events; {} records ignored by a rule, {} without a rule, {} rejected",
            self.records, self.events, self.ignored, self.unknown, self.rejected
        )
    }

    fn comments(&self) -> String {
        format!(
            "# {}. test-mapping --explain gives the reasons, and shows words that are not under values.\n",
            self.summary()
        )
    }
}

fn propose_preset(preset: &'static str, share: f64, trial: MappingTrial) -> Proposal {
    let share = percent(share);
    let is_wrapper = WRAPPERS.contains(&preset);
    let known = if preset == CANONICAL {
        "The records are canonical events already".to_owned()
    } else if is_wrapper {
        format!("{share} of the records have the wrapper that the preset {preset} takes off")
    } else {
        format!("{share} of the records look like those of {preset}, which has a preset")
    };
    let mut yaml = format!(
        "# Proposed by ticket-exporter infer-mapping.\n# {known}.\nmapping:\n  preset: {preset}\n{}",
        trial.comments()
    );
    if is_wrapper && trial.mapped == 0 {
        yaml.push_str(
            "# No record is about a ticket that the preset knows. Write where the ticket is under \
             mapping.common.\n",
        );
    }
    if preset != CANONICAL {
        yaml.push_str(&format!(
            "# The guide of the preset: docs/how-to/helpdesks/{preset}.md\n"
        ));
    }
    Proposal {
        yaml,
        preset: Some(preset),
        trial,
    }
}

fn own_header(presets: &[(&'static str, f64)], unreadable: usize) -> String {
    let mut header = String::from(
        "# Proposed by ticket-exporter infer-mapping. It has the lines that the samples show beyond doubt.\n\
         # Answer the questions at its end, then check it with: ticket-exporter test-mapping --explain\n",
    );
    for (preset, share) in presets {
        header.push_str(&format!(
            "# {} of the records look like those of the preset {preset}, but it does not fit them.\n",
            percent(*share)
        ));
    }
    if unreadable > 0 {
        header.push_str(&format!("# {unreadable} records are not JSON.\n"));
    }
    header
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
