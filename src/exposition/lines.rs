//! Comment lines, label blocks and escaping, for both text formats.
//!
//! A histogram has some fifteen lines with the same labels. The writer escapes them once, and formats
//! the label `le` of each bound once for a family.

use super::number::{write_bound, write_integer, write_value};

/// A buffer of lines, and the labels of the current series.
#[derive(Debug)]
pub(super) struct ExpositionLines {
    pub(super) out: Vec<u8>,
    /// Whether bounds have a decimal point, as OpenMetrics requires.
    point: bool,
    /// `team="a",priority="b"`, without braces.
    labels: Vec<u8>,
    /// The bounds in `bound_labels`.
    bounds: Vec<f64>,
    /// `le="60"} ` for each bound and `+Inf`, one after the other.
    bound_labels: Vec<u8>,
    /// The end of each in `bound_labels`.
    bound_ends: Vec<usize>,
}

impl ExpositionLines {
    pub(super) fn new(out: Vec<u8>, point: bool) -> Self {
        let mut lines = Self {
            out,
            point,
            labels: Vec::new(),
            bounds: Vec::new(),
            bound_labels: Vec::new(),
            bound_ends: Vec::new(),
        };
        lines.rewrite_bounds(&[]);
        lines
    }

    /// `# KEYWORD name text`. The text must be escaped.
    pub(super) fn comment(&mut self, keyword: &str, name: &str, text: &str) {
        self.text("# ");
        self.text(keyword);
        self.out.push(b' ');
        self.text(name);
        self.out.push(b' ');
        self.text(text);
        self.end();
    }

    /// `# HELP name help`; `quotes`: escapes double quotes, too (OpenMetrics).
    pub(super) fn help(&mut self, name: &str, help: &str, quotes: bool) {
        self.text("# HELP ");
        self.text(name);
        self.out.push(b' ');
        escape(&mut self.out, help, quotes);
        self.end();
    }

    /// Sets the labels of the following samples.
    pub(super) fn set_labels(&mut self, names: &[String], values: &[&str]) {
        self.labels.clear();
        for (position, (name, value)) in names.iter().zip(values).enumerate() {
            if position > 0 {
                self.labels.push(b',');
            }
            self.labels.extend_from_slice(name.as_bytes());
            self.labels.extend_from_slice(b"=\"");
            escape(&mut self.labels, value, true);
            self.labels.push(b'"');
        }
    }

    /// Sets the labels from a block as [`Self::set_labels`] writes it.
    pub(super) fn set_label_block(&mut self, block: &[u8]) {
        self.labels.clear();
        self.labels.extend_from_slice(block);
    }

    /// `name_suffix{labels} `. A value and [`Self::end`] follow.
    pub(super) fn begin(&mut self, name: &str, suffix: &str) {
        self.text(name);
        self.text(suffix);
        if !self.labels.is_empty() {
            self.out.push(b'{');
            self.out.extend_from_slice(&self.labels);
            self.out.push(b'}');
        }
        self.out.push(b' ');
    }

    /// Sets the bounds of the following buckets.
    pub(super) fn set_bounds(&mut self, bounds: &[f64]) {
        if self.bounds != bounds {
            self.rewrite_bounds(bounds);
        }
    }

    /// `name_bucket{labels,le="bound"} `; `position` counts the bounds, then `+Inf`.
    pub(super) fn begin_bucket(&mut self, name: &str, position: usize) {
        self.text(name);
        self.text("_bucket{");
        if !self.labels.is_empty() {
            self.out.extend_from_slice(&self.labels);
            self.out.push(b',');
        }
        let start = match position {
            0 => 0,
            after => self.bound_ends[after - 1],
        };
        let label = &self.bound_labels[start..self.bound_ends[position]];
        self.out.extend_from_slice(label);
    }

    /// A whole line: `name_suffix{labels} value`.
    pub(super) fn line(&mut self, name: &str, suffix: &str, value: f64) {
        self.begin(name, suffix);
        self.value(value);
        self.end();
    }

    /// The same with a count.
    pub(super) fn count_line(&mut self, name: &str, suffix: &str, count: u64) {
        self.begin(name, suffix);
        self.integer(count);
        self.end();
    }

    pub(super) fn integer(&mut self, number: u64) {
        write_integer(&mut self.out, number);
    }

    pub(super) fn value(&mut self, value: f64) {
        write_value(&mut self.out, value);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    pub(super) fn end(&mut self) {
        self.out.push(b'\n');
    }

    fn rewrite_bounds(&mut self, bounds: &[f64]) {
        self.bounds.clear();
        self.bounds.extend_from_slice(bounds);
        self.bound_labels.clear();
        self.bound_ends.clear();
        for bound in bounds.iter().chain([&f64::INFINITY]) {
            self.bound_labels.extend_from_slice(b"le=\"");
            write_bound(&mut self.bound_labels, *bound, self.point);
            self.bound_labels.extend_from_slice(b"\"} ");
            self.bound_ends.push(self.bound_labels.len());
        }
    }
}

/// Label names that outlive the visit of their family.
pub(super) fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Appends `text` with `\` as `\\`, a line feed as `\n` and, with `quotes`, `"` as `\"`.
pub(super) fn escape(out: &mut Vec<u8>, text: &str, quotes: bool) {
    let special = |byte: &u8| matches!(byte, b'\\' | b'\n') || (quotes && *byte == b'"');
    let mut rest = text.as_bytes();
    while let Some(position) = rest.iter().position(special) {
        out.extend_from_slice(&rest[..position]);
        out.push(b'\\');
        out.push(match rest[position] {
            b'\n' => b'n',
            other => other,
        });
        rest = &rest[position + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_would_end_a_value_is_escaped() {
        let mut out = Vec::new();
        escape(&mut out, "a\\b\"c\nd\u{e9}\u{1f3ab}\r\t", true);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "a\\\\b\\\"c\\nd\u{e9}\u{1f3ab}\r\t"
        );
        let mut out = Vec::new();
        escape(&mut out, "say \"hi\"\\\n", false);
        assert_eq!(String::from_utf8(out).unwrap(), "say \"hi\"\\\\\\n");
    }

    #[test]
    fn bounds_follow_the_family() {
        let mut lines = ExpositionLines::new(Vec::new(), false);
        lines.begin_bucket("a", 0);
        lines.set_bounds(&[1.0, 2.5]);
        lines.begin_bucket("b", 1);
        lines.set_labels(&owned(&["x"]), &["y"]);
        lines.begin_bucket("c", 2);
        assert_eq!(
            String::from_utf8(lines.out).unwrap(),
            "a_bucket{le=\"+Inf\"} b_bucket{le=\"2.5\"} c_bucket{x=\"y\",le=\"+Inf\"} "
        );
    }
}
