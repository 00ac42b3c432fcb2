//! A proposal for the mapping of sample records: a preset that fits, or a mapping made from what
//! the samples show. Either is tried on the samples before it is proposed.

use std::collections::BTreeMap;
use std::path::Path;

use super::samples::Sample;
use crate::config::{self, CANONICAL};
use crate::decode::{self, Decoded, Decoder, Ignorance, Inference, Record};
use crate::domain::mapping::Member;

/// Presets for what is around the records of any system.
const WRAPPERS: [&str; 2] = ["debezium", "cloudevents"];
/// The time of records in files, which have none, while a mapping is tried: any will do.
const ANY_TIME: i64 = 1_767_225_600_000;
/// Of ten records of a system that a preset knows, so many may be rejected.
const MOST_REJECTED: usize = 1;

/// What is proposed.
#[derive(Debug)]
pub struct Proposal {
    /// A part of a configuration, in YAML with comments.
    pub yaml: String,
    /// The preset it names; `None`: it is made from nothing.
    pub preset: Option<&'static str>,
    /// What it makes of the samples.
    pub trial: Trial,
}

/// What a mapping makes of samples.
#[derive(Debug, Default)]
pub struct Trial {
    pub records: usize,
    pub events: usize,
    /// Records that gave events.
    pub mapped: usize,
    /// Records that a rule passes over on purpose.
    pub passed_over: usize,
    /// Records that no rule is for, and those without a value.
    pub unknown: usize,
    pub rejected: usize,
    /// Words that it does not have, by member and path.
    unmapped: BTreeMap<(&'static str, String), usize>,
}

/// Proposes a mapping; `None` where nothing looks like the id of a ticket.
pub fn propose(samples: &[Sample]) -> Option<Proposal> {
    let records: Vec<Record<'_>> = samples.iter().map(Sample::record).collect();
    let inference = decode::infer(&records);
    let mut fallback = None;
    for (preset, share) in &inference.presets {
        let Some(trial) = try_preset(preset, &records) else {
            continue;
        };
        let fits = trial.fits();
        let is_enough = trial.mapped * 2 >= trial.records
            || !WRAPPERS.contains(preset) && trial.mapped + trial.passed_over > 0;
        let proposal = of_preset(preset, *share, trial);
        if fits && is_enough {
            return Some(proposal);
        }
        fallback.get_or_insert(proposal);
    }
    let own = inference.mapping.as_deref().and_then(|mapping| {
        let trial = Trial::of(&decoder(mapping)?, &records);
        Some(of_mapping(mapping, &inference, trial))
    });
    match (own, fallback) {
        (Some(own), Some(fallback)) if own.trial.fits_better_than(&fallback.trial) => Some(own),
        (own, fallback) => fallback.or(own),
    }
}

/// The preset that makes events of samples, if one does.
pub fn fitting_preset(samples: &[Sample]) -> Option<&'static str> {
    let records: Vec<Record<'_>> = samples.iter().map(Sample::record).collect();
    let known = decode::known_presets(&records).into_iter();
    known.map(|(preset, _)| preset).find(|preset| {
        let trial = try_preset(preset, &records);
        trial.is_some_and(|trial| trial.mapped > 0 && trial.fits())
    })
}

fn try_preset(preset: &str, records: &[Record<'_>]) -> Option<Trial> {
    let decoder = decoder(&format!("mapping: {{ preset: {preset} }}\n"))?;
    Some(Trial::of(&decoder, records))
}

/// Reads records by the mapping of a configuration. `None`: it cannot be loaded.
fn decoder(yaml: &str) -> Option<Decoder> {
    let file = Path::new("mapping");
    let mut read = |_: &Path| Ok(yaml.to_owned());
    let loaded = config::load(Some(file), [], &[], &mut read).ok()?;
    Some(Decoder::new(&loaded.config.mapping))
}

impl Trial {
    fn of(decoder: &Decoder, records: &[Record<'_>]) -> Self {
        let mut trial = Self {
            records: records.len(),
            ..Self::default()
        };
        for record in records {
            let record = Record {
                timestamp: record.timestamp.or(Some(ANY_TIME)),
                ..record.clone()
            };
            trial.add(&decoder.decode(&record, None));
        }
        trial
    }

    fn add(&mut self, decoded: &Decoded<'_>) {
        let events = decoded.events().len();
        self.events += events;
        self.mapped += usize::from(events > 0);
        self.rejected += usize::from(decoded.rejection().is_some());
        let Decoded::Mapped(mapped) = decoded else {
            return;
        };
        match mapped.ignored {
            Some(Ignorance::IgnoredByRule) => self.passed_over += 1,
            Some(_) => self.unknown += 1,
            None => {}
        }
        for word in &mapped.unmapped {
            let key = (Member::name(word.member), word.path.clone());
            *self.unmapped.entry(key).or_default() += 1;
        }
    }

    /// Whether few records are rejected.
    fn fits(&self) -> bool {
        self.rejected * 10 <= self.records * MOST_REJECTED
    }

    /// More records give events, and the other does not pass over most of them on purpose.
    fn fits_better_than(&self, other: &Self) -> bool {
        self.mapped > other.mapped && other.passed_over * 2 < other.records
    }

    /// In a line.
    pub fn summary(&self) -> String {
        format!(
            "{} records: {} events; {} records passed over, {} that no rule is for, {} rejected",
            self.records, self.events, self.passed_over, self.unknown, self.rejected
        )
    }

    fn comments(&self) -> String {
        let mut text = format!("# {}.\n", self.summary());
        for ((member, path), count) in &self.unmapped {
            text.push_str(&format!(
                "# {member}, at {path}: {count} times a word that it does not have; test-mapping shows \
                 which, and mapping.values takes them.\n"
            ));
        }
        if self.rejected > 0 || self.unknown > 0 {
            text.push_str("# test-mapping --explain says why of each record.\n");
        }
        text
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn of_preset(preset: &'static str, share: f64, trial: Trial) -> Proposal {
    let known = if preset == CANONICAL {
        "They are canonical events already".to_owned()
    } else if WRAPPERS.contains(&preset) {
        format!(
            "{} of them are what the preset {preset} takes off",
            percent(share)
        )
    } else {
        format!(
            "{} of them look like those of {preset}, which has a preset",
            percent(share)
        )
    };
    let mut yaml = format!("# Proposed by ticket-exporter infer-mapping.\n# {known}.\n");
    yaml.push_str(&format!("mapping:\n  preset: {preset}\n"));
    yaml.push_str(&trial.comments());
    if WRAPPERS.contains(&preset) && trial.mapped == 0 {
        yaml.push_str(
            "# Nothing in them is a ticket that it knows: say where the ticket is under mapping.common.\n",
        );
    }
    if preset != CANONICAL {
        yaml.push_str(&format!(
            "# What it cannot know, and how to change it: docs/how-to/helpdesks/{preset}.md\n"
        ));
    }
    Proposal {
        yaml,
        preset: Some(preset),
        trial,
    }
}

fn of_mapping(mapping: &str, inference: &Inference, trial: Trial) -> Proposal {
    let mut yaml = String::from(
        "# Proposed by ticket-exporter infer-mapping. It knows names and shapes only: read every line,\n\
         # then try it with test-mapping --explain. The language: docs/reference/mapping.md\n",
    );
    for (preset, share) in &inference.presets {
        yaml.push_str(&format!(
            "# {} of the records look like those of preset {preset}, which does not fit all the same.\n",
            percent(*share)
        ));
    }
    if inference.unreadable > 0 {
        yaml.push_str(&format!(
            "# {} records are no JSON.\n",
            inference.unreadable
        ));
    }
    yaml.push_str(mapping);
    yaml.push_str(&trial.comments());
    Proposal {
        yaml,
        preset: None,
        trial,
    }
}
