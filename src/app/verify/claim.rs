//! The series to verify, and the records that they claim to count.

use std::time::Duration;

use super::VerifyError;
use super::series::SeriesTexts;
use crate::app::recovery::{self, RestoredState};
use crate::config::Config;
use crate::domain::catalog::{self, Family};
use crate::domain::timestamp::{Milliseconds, Timestamp};
use crate::edge::http_client::{HttpClient, HttpError, Request, RequestLimits, RootCerts};
use crate::edge::kafka::TopicPartition;

/// No scrape may take a minute, and a large exposition has tens of megabytes.
const LIMITS: RequestLimits = RequestLimits {
    timeout: Duration::from_secs(60),
    largest_answer: 1 << 30,
    redirects: true,
};

/// The progress of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionExtent {
    pub source: TopicPartition,
    /// Offset of the first record that is not counted; `None`: no record is counted.
    pub next: Option<i64>,
    /// The stream clock of the series.
    pub clock: Option<Timestamp>,
    /// Later events are not counted, because they were rejected. `None`: not known.
    pub latest: Option<Timestamp>,
}

/// The series to verify, and the progress of their partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub partitions: Vec<PartitionExtent>,
    pub texts: SeriesTexts,
}

impl Claim {
    /// Reads the store of the configuration, also while another process writes to it.
    pub fn of_store(config: &Config) -> Result<Self, VerifyError> {
        let RestoredState {
            mut engine,
            offsets,
            ..
        } = recovery::read(config)?;
        let partitions = offsets.iter().map(|offset| PartitionExtent {
            source: offset.source.clone(),
            next: offset.next,
            clock: engine.clock_of(offset.partition),
            latest: engine.greatest_event(offset.partition),
        });
        Ok(Self {
            partitions: partitions.collect(),
            texts: SeriesTexts::of(&engine.snapshot()),
        })
    }

    /// Reads the exposition of a running exporter at `url`.
    pub fn of_instance(config: &Config, url: &str) -> Result<Self, VerifyError> {
        let request = Request::get(url).header("Accept", "text/plain; version=0.0.4");
        let request = request.body(()).map_err(HttpError::from)?;
        let answer = HttpClient::new(LIMITS, RootCerts::PlatformVerifier).send(request)?;
        if !answer.status().is_success() {
            return Err(VerifyError::Status(answer.status()));
        }
        Self::of_exposition(answer.into_body(), config.rules.lateness)
    }

    fn of_exposition(text: String, lateness: Milliseconds) -> Result<Self, VerifyError> {
        if !text.contains(catalog::BUILD_INFO.name) {
            return Err(VerifyError::Foreign);
        }
        let mut partitions: Vec<PartitionExtent> = Vec::new();
        for line in text.lines() {
            if let Some((source, value)) = of_partition(line, &catalog::WATERMARK) {
                let extent = entry(&mut partitions, source);
                #[allow(clippy::cast_possible_truncation, reason = "saturates")]
                let clock = Timestamp((value * 1_000.0).round() as i64);
                extent.clock = Some(clock);
                // The clock is that of the greatest event less `lateness`, or later.
                extent.latest = Some(clock.plus(lateness));
            } else if let Some((source, value)) = of_partition(line, &catalog::CHECKPOINT_OFFSET) {
                #[allow(clippy::cast_possible_truncation, reason = "below 2^53")]
                let next = value as i64;
                entry(&mut partitions, source).next = Some(next);
            }
        }
        let texts = SeriesTexts::scraped(text);
        if texts.is_empty() {
            return Err(VerifyError::Withheld);
        }
        if partitions.is_empty() {
            return Err(VerifyError::NoOffsets);
        }
        Ok(Self { partitions, texts })
    }
}

fn entry(partitions: &mut Vec<PartitionExtent>, source: TopicPartition) -> &mut PartitionExtent {
    let place = partitions.iter().position(|extent| extent.source == source);
    let place = place.unwrap_or_else(|| {
        partitions.push(PartitionExtent {
            source,
            next: None,
            clock: None,
            latest: None,
        });
        partitions.len() - 1
    });
    &mut partitions[place]
}

/// Partition and value of a line of the family. Topic names need no unescaping.
fn of_partition(line: &str, family: &Family) -> Option<(TopicPartition, f64)> {
    let labels = line.strip_prefix(family.name)?;
    let (topic, rest) = labels
        .strip_prefix("{topic=\"")?
        .split_once("\",partition=\"")?;
    let (partition, value) = rest.split_once("\"} ")?;
    let source = TopicPartition::new(topic, partition.parse().ok()?);
    Some((source, value.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPOSITION: &str = "ticket_created_total{team=\"a\"} 1\n\
        ticket_exporter_watermark_timestamp_seconds{topic=\"t\",partition=\"0\"} 1772442000.123\n\
        ticket_exporter_checkpoint_offset{topic=\"t\",partition=\"0\"} 1.5e+03\n\
        ticket_exporter_checkpoint_offset{topic=\"t\",partition=\"1\"} 7\n\
        ticket_exporter_build_info{version=\"1\"} 1\n";

    #[test]
    fn offsets_and_clocks_are_read() {
        let claim = Claim::of_exposition(EXPOSITION.to_owned(), 5_000).unwrap();
        let clock = Timestamp(1_772_442_000_123);
        assert_eq!(
            claim.partitions,
            [
                PartitionExtent {
                    source: TopicPartition::new("t", 0),
                    next: Some(1_500),
                    clock: Some(clock),
                    latest: Some(clock.plus(5_000)),
                },
                PartitionExtent {
                    source: TopicPartition::new("t", 1),
                    next: Some(7),
                    clock: None,
                    latest: None,
                },
            ]
        );
    }

    #[test]
    fn what_cannot_be_verified_is_told_apart() {
        let (kpis, own) = EXPOSITION.split_once('\n').unwrap();
        let error = |text: &str| Claim::of_exposition(text.to_owned(), 0).unwrap_err();
        assert!(matches!(error(own), VerifyError::Withheld));
        assert!(matches!(error(kpis), VerifyError::Foreign));
        assert!(matches!(error("<html>"), VerifyError::Foreign));
        let build = own.lines().last().unwrap();
        let without = format!("{kpis}\n{build}\n");
        assert!(matches!(error(&without), VerifyError::NoOffsets));
    }
}
