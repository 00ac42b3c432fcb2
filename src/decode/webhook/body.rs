//! The body of a request: expanded, checked, and split into records.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::decode::record::without_byte_order_mark;

/// The most records of one request. Senders collect at most hundreds of events.
const MOST_RECORDS: usize = 10_000;

/// The format of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFormat {
    /// One JSON value. An array has one record for each item.
    Json,
    /// Each line is a JSON value and a record.
    Lines,
}

/// Why a body cannot become records. The text is for the sender.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyRefusal {
    #[error("the body is empty")]
    Empty,
    #[error("the body is not JSON")]
    NotJson,
    #[error("line {0} of the body is not JSON")]
    LineNotJson(usize),
    #[error("the body is not gzip")]
    NotGzip,
    #[error("the body has more than {limit} bytes when it is expanded")]
    TooLarge { limit: usize },
    #[error("the body has more than {MOST_RECORDS} records")]
    TooManyRecords,
}

impl BodyFormat {
    /// The format of a content type; without one, JSON. `None`: another format.
    pub fn of(content_type: Option<&str>) -> Option<Self> {
        let Some(content_type) = content_type else {
            return Some(Self::Json);
        };
        let name = content_type.split(';').next().unwrap_or_default();
        let name = name.trim().to_ascii_lowercase();
        match name.as_str() {
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines" => Some(Self::Lines),
            "application/json" | "text/json" => Some(Self::Json),
            other => other.ends_with("+json").then_some(Self::Json),
        }
    }
}

/// Expands a gzip body.
///
/// # Errors
/// It is not gzip, or has more than `limit` bytes.
pub fn expand(body: &[u8], limit: usize) -> Result<Vec<u8>, BodyRefusal> {
    let mut expanded = Vec::new();
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(body)
        .take(one_more)
        .read_to_end(&mut expanded)
        .map_err(|_| BodyRefusal::NotGzip)?;
    if expanded.len() > limit {
        return Err(BodyRefusal::TooLarge { limit });
    }
    Ok(expanded)
}

/// Splits a body into the values of its records. Each value is a part of the body, unchanged.
///
/// # Errors
/// A part is not JSON, or there is nothing.
pub fn split(body: &[u8], format: BodyFormat) -> Result<Vec<&[u8]>, BodyRefusal> {
    let records = match format {
        BodyFormat::Json => values(body)?,
        BodyFormat::Lines => lines(body)?,
    };
    if records.len() > MOST_RECORDS {
        return Err(BodyRefusal::TooManyRecords);
    }
    Ok(records)
}

fn values(body: &[u8]) -> Result<Vec<&[u8]>, BodyRefusal> {
    let json = without_byte_order_mark(body);
    match json.trim_ascii_start().first() {
        None => Err(BodyRefusal::Empty),
        Some(b'[') => {
            let items: Vec<&RawValue> =
                serde_json::from_slice(json).map_err(|_| BodyRefusal::NotJson)?;
            Ok(items
                .into_iter()
                .map(|item| item.get().as_bytes())
                .collect())
        }
        Some(_) if is_json(json) => Ok(vec![body]),
        Some(_) => Err(BodyRefusal::NotJson),
    }
}

fn lines(body: &[u8]) -> Result<Vec<&[u8]>, BodyRefusal> {
    let mut records = Vec::new();
    for (number, line) in without_byte_order_mark(body)
        .split(|byte| *byte == b'\n')
        .enumerate()
    {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if !is_json(line) {
            return Err(BodyRefusal::LineNotJson(number + 1));
        }
        records.push(line);
    }
    if records.is_empty() {
        return Err(BodyRefusal::Empty);
    }
    Ok(records)
}

fn is_json(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok() && serde_json::from_slice::<IgnoredAny>(text).is_ok()
}
