//! Chooses the format of an exposition by HTTP content negotiation (RFC 9110, section 12.5.1).
//!
//! The escaping schemes of Prometheus 3 make no difference, because every name is valid in the classic
//! character set.

/// An exposition format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus text 0.0.4, which every scraper reads.
    #[default]
    Text,
    /// OpenMetrics text 1.0.0.
    OpenMetrics,
    /// Prometheus protobuf, delimited.
    Protobuf,
}

impl Format {
    pub const ALL: [Self; 3] = [Self::Text, Self::OpenMetrics, Self::Protobuf];

    /// The `Content-Type` of the exposition.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }
}

/// The format with the highest quality in the `Accept` header; of equals the first, because Prometheus
/// lists them by preference. Without a known format it is text, which is more useful than an error.
pub fn negotiate(accept: Option<&str>) -> Format {
    let mut best = (0, Format::default());
    for range in accept.unwrap_or_default().split(',') {
        if let Some((format, quality)) = read_range(range)
            && quality > best.0
        {
            best = (quality, format);
        }
    }
    best.1
}

/// The format of a media range, and its quality in thousandths.
fn read_range(range: &str) -> Option<(Format, u16)> {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next()?.to_ascii_lowercase();
    let mut version = None;
    let mut encoding = None;
    let mut message = None;
    let mut quality = 1_000;
    for part in parts {
        let (name, value) = part.split_once('=')?;
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "version" => version = Some(value),
            "encoding" => encoding = Some(value),
            "proto" => message = Some(value),
            "q" => quality = read_quality(value)?,
            _ => {}
        }
    }
    let format = match media.as_str() {
        // Version 1.0.0 of the text format differs from 0.0.4 in quoted names only.
        "text/plain" if matches!(version, None | Some("0.0.4" | "1.0.0")) => Format::Text,
        "text/*" | "*/*" => Format::Text,
        "application/openmetrics-text" if matches!(version, None | Some("1.0.0")) => {
            Format::OpenMetrics
        }
        "application/vnd.google.protobuf"
            if message == Some("io.prometheus.client.MetricFamily")
                && encoding == Some("delimited") =>
        {
            Format::Protobuf
        }
        _ => return None,
    };
    Some((format, quality))
}

/// A weight from 0 to 1, in thousandths.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 1000"
)]
fn read_quality(text: &str) -> Option<u16> {
    let quality: f64 = text.parse().ok()?;
    (0.0..=1.0)
        .contains(&quality)
        .then(|| (quality * 1_000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

    #[test]
    fn understands_the_headers_of_scrapers() {
        let prometheus_2 = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let with_native = format!("{PROTOBUF};q=0.7,{prometheus_3}");
        let text_first = format!(
            "text/plain;version=1.0.0;escaping=underscores;q=0.9, {PROTOBUF};escaping=underscores;q=0.8"
        );
        for (accept, format) in [
            (None, Format::Text),
            (Some(""), Format::Text),
            (Some("*/*"), Format::Text),
            (
                Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
                Format::Text,
            ),
            (Some(prometheus_2), Format::OpenMetrics),
            (Some(prometheus_3), Format::OpenMetrics),
            (Some(with_native.as_str()), Format::Protobuf),
            (Some(text_first.as_str()), Format::Text),
            (Some("application/openmetrics-text"), Format::OpenMetrics),
            (
                Some("application/openmetrics-text; version=\"1.0.0\"; charset=utf-8"),
                Format::OpenMetrics,
            ),
            (
                Some("Application/OpenMetrics-Text;Version=1.0.0"),
                Format::OpenMetrics,
            ),
            (
                Some("application/openmetrics-text;version=0.0.1"),
                Format::Text,
            ),
            (
                Some("application/openmetrics-text;q=0, text/plain;q=0.1"),
                Format::Text,
            ),
            (Some("application/vnd.google.protobuf"), Format::Text),
            (
                Some(
                    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
                ),
                Format::Text,
            ),
            (
                Some("text/plain;q=0.5,application/openmetrics-text;version=1.0.0;q=0.5"),
                Format::Text,
            ),
            (Some("application/json"), Format::Text),
            (
                Some(";;=,q=x,application/openmetrics-text;q=nonsense"),
                Format::Text,
            ),
            (Some("application/openmetrics-text;q=7"), Format::Text),
        ] {
            assert_eq!(negotiate(accept), format, "{accept:?}");
        }
    }
}
