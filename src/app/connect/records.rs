//! Passes the first records of a topic through the mapping. Reports counts and reasons, never content.

use std::time::Instant;

use super::report::CheckReport;
use crate::app::schemas::{self, SchemaFetcher};
use crate::app::usability::{RecordUsability, UnusableSamples, UsabilityCounts};
use crate::config::Config;
use crate::decode::Decoder;
use crate::domain::timestamp::Timestamp;
use crate::edge::kafka::{InspectError, Inspector, KafkaRecord, OffsetRange, TopicConcern};
use crate::edge::wall_clock;

/// Records of each topic.
const RECORDS: usize = 100;

/// Decodes records as the exporter does.
pub(super) struct RecordTrial {
    decoder: Decoder,
    /// `None`: no schemas, or no registry that answers.
    schemas: Option<SchemaFetcher>,
    /// Events that are later are rejected.
    latest: Timestamp,
}

/// The result for the records of a topic.
#[derive(Default)]
struct TriedRecords {
    records: usize,
    keyed: usize,
    uses: UsabilityCounts,
    unused: UnusableSamples,
    /// Why the schema of a record is not known.
    schema: Option<String>,
}

impl RecordTrial {
    pub(super) fn new(config: &Config, registry_answers: bool) -> Self {
        let decoder = schemas::decoder(config);
        let settings = config.schema_registry.as_ref();
        let settings = settings.filter(|_| registry_answers);
        Self {
            // The check of the registry has reported wrong settings.
            schemas: SchemaFetcher::new(settings, &decoder).ok().flatten(),
            decoder,
            latest: wall_clock::now().plus(config.stream.max_future),
        }
    }

    /// Decodes the first records of a topic.
    pub(super) fn run(
        &self,
        inspector: &mut Inspector,
        extents: &[OffsetRange],
        deadline: Instant,
        report: &mut CheckReport<'_>,
    ) {
        let Some(topic) = extents.first().map(|one| one.partition.topic.to_string()) else {
            return;
        };
        let subject = format!("records of {topic}");
        let mut tried = TriedRecords::default();
        let read = inspector.read(extents, RECORDS, deadline, &mut |record| {
            self.take(record, &mut tried);
        });
        match read {
            Err(InspectError::NoAnswer(why)) if tried.records > 0 => {
                report.warning(
                    &subject,
                    format!("only {} came in time: {why}", tried.records),
                );
            }
            Err(error) => {
                report.error(&subject, error.to_string());
                return;
            }
            Ok(_) => {}
        }
        if let Some(why) = &tried.schema {
            report.error(&subject, why.as_str());
        }
        let preset = self.decoder.mappings().preset_of(&topic).to_owned();
        tried.report(&subject, &preset, report);
    }

    fn take(&self, record: &KafkaRecord<'_>, tried: &mut TriedRecords) {
        tried.records += 1;
        tried.keyed += usize::from(record.key.is_some());
        if let Some(schemas) = &self.schemas
            && tried.schema.is_none()
        {
            tried.schema = schemas.fetch(record).err().map(|error| error.to_string());
        }
        let record = record.to_decode();
        let one = RecordUsability::of(&self.decoder.decode(&record, Some(self.latest)));
        tried.uses.count(one);
        if matches!(one, RecordUsability::NoRule | RecordUsability::Rejected(_)) {
            tried.unused.add(&record);
        }
    }
}

impl TriedRecords {
    fn report(&self, subject: &str, preset: &str, report: &mut CheckReport<'_>) {
        if self.records == 0 {
            report.warning(
                subject,
                "there are none yet, so nothing could be tried; test-mapping tries samples in files",
            );
            return;
        }
        if let Some(concern) = TopicConcern::of_keys(self.keyed, self.records) {
            report.warning(subject, concern.to_string());
        }
        let fitting = self.unused.fitting_preset(preset);
        let hint = match fitting {
            Some(preset) => format!("; they look like those of mapping.preset: {preset}"),
            None => String::new(),
        };
        let counts = self.counts();
        if self.uses.are_unusable() {
            report.error(
                subject,
                format!(
                    "nothing can be made of any of them ({counts}){hint}. Say whose they are \
                     (mapping.preset), or let infer-mapping propose a mapping for samples"
                ),
            );
        } else if self.uses.rejections() > 0 {
            report.warning(
                subject,
                format!("{counts}{hint}; test-mapping --explain says why, of samples in files"),
            );
        } else {
            report.ok(subject, counts);
        }
    }

    /// The counts as text.
    fn counts(&self) -> String {
        let uses = &self.uses;
        let mut parts = vec![format!("{} of {} give events", uses.counted, self.records)];
        for (count, what) in [
            (uses.ignored, "passed over by a rule"),
            (uses.no_rule, "no rule is for them"),
            (uses.tombstones, "empty"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        for (reason, count) in &uses.rejected {
            parts.push(format!("{count} rejected: {reason}"));
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::connect::{CheckFinding, CheckVerdict};

    #[test]
    fn counts_are_reported_and_a_useless_mapping_is_an_error() {
        let finding_of = |uses: &[RecordUsability]| {
            let mut tried = TriedRecords {
                records: uses.len(),
                keyed: uses.len(),
                ..TriedRecords::default()
            };
            for one in uses {
                tried.uses.count(*one);
            }
            let mut findings: Vec<CheckFinding> = Vec::new();
            let mut notify = |finding: &CheckFinding| findings.push(finding.clone());
            let mut report = CheckReport {
                notify: &mut notify,
                worst: CheckVerdict::Ok,
            };
            tried.report("records", "canonical", &mut report);
            let last = findings.pop().unwrap();
            (last.verdict, last.text)
        };
        let (verdict, text) = finding_of(&[
            RecordUsability::Counted,
            RecordUsability::Ignored,
            RecordUsability::Tombstone,
            RecordUsability::NoRule,
        ]);
        assert_eq!(verdict, CheckVerdict::Ok);
        assert_eq!(
            text,
            "1 of 4 give events, 1 passed over by a rule, 1 no rule is for them, 1 empty"
        );
        let (verdict, text) = finding_of(&[
            RecordUsability::Counted,
            RecordUsability::Rejected("missing_at"),
        ]);
        assert_eq!(verdict, CheckVerdict::Warning);
        assert!(text.contains("1 rejected: missing_at"), "{text}");
        assert_eq!(
            finding_of(&[RecordUsability::NoRule]).0,
            CheckVerdict::Error
        );
        assert_eq!(finding_of(&[]).0, CheckVerdict::Warning);
    }
}
