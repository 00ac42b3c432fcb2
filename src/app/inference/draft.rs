//! A mapping in the making, and how it is written.

use super::column::SampleColumn;
use crate::domain::yaml;

#[derive(Debug)]
pub(super) struct DraftLine {
    key: &'static str,
    value: String,
    reason: String,
}

impl DraftLine {
    pub(super) fn new(
        key: &'static str,
        value: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            key,
            value: value.into(),
            reason: reason.into(),
        }
    }
}

/// Our words, each with the words of the other system.
pub(super) type ProposedWords = Vec<(String, Vec<String>)>;

#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) unwrap: Vec<String>,
    /// The reason for the zone UTC.
    pub(super) zone: Option<&'static str>,
    /// The maps under `values`, by name.
    pub(super) words: Vec<(&'static str, ProposedWords)>,
    pub(super) common: Vec<DraftLine>,
    pub(super) rules: Vec<(String, Vec<DraftLine>)>,
    /// Facts that the records do not show. Each text names the candidates and asks the reader to decide.
    pub(super) questions: Vec<String>,
}

impl Draft {
    pub(super) fn add(&mut self, key: &'static str, value: String, reason: impl Into<String>) {
        self.common.push(DraftLine::new(key, value, reason));
    }

    pub(super) fn ask(&mut self, question: impl Into<String>) {
        self.questions.push(question.into());
    }

    pub(super) fn write(&self) -> String {
        let mut text = String::from("mapping:\n  preset: none\n");
        if !self.unwrap.is_empty() {
            let steps = format!("[{}]", self.unwrap.join(", "));
            line(&mut text, "  ", &DraftLine::new("unwrap", steps, ""));
        }
        if let Some(reason) = self.zone {
            line(&mut text, "  ", &DraftLine::new("zone", "UTC", reason));
        }
        if !self.words.is_empty() {
            text.push_str("  values:\n");
        }
        for (name, words) in &self.words {
            text.push_str(&format!("    {name}:\n"));
            for (ours, theirs) in words {
                let theirs = yaml::list(theirs.iter().map(String::as_str));
                text.push_str(&format!("      {}: {theirs}\n", yaml::scalar(ours)));
            }
        }
        text.push_str("  common:\n");
        for member in &self.common {
            line(&mut text, "    ", member);
        }
        text.push_str("  rules:\n");
        for (name, lines) in &self.rules {
            text.push_str(&format!("    {name}:\n"));
            for member in lines {
                line(&mut text, "      ", member);
            }
        }
        if !self.questions.is_empty() {
            text.push_str("# The samples leave these questions open. Only you can answer them:\n");
        }
        for (index, question) in self.questions.iter().enumerate() {
            text.push_str(&format!("# {}. {}\n", index + 1, yaml::comment(question)));
        }
        text
    }
}

/// Reasons begin in this column, where there is room.
const REASON_COLUMN: usize = 50;

fn line(text: &mut String, indent: &str, member: &DraftLine) {
    let line = format!("{indent}{}: {}", member.key, member.value);
    text.push_str(&line);
    if !member.reason.is_empty() {
        let room = REASON_COLUMN.saturating_sub(line.chars().count()).max(2);
        text.push_str(&" ".repeat(room));
        text.push_str("# ");
        text.push_str(&yaml::comment(&member.reason));
    }
    text.push('\n');
}

/// One path, or a list of which the first with a value counts.
pub(super) fn paths(columns: &[&SampleColumn]) -> String {
    paths_or(columns, None)
}

pub(super) fn paths_or(columns: &[&SampleColumn], default: Option<&str>) -> String {
    let mut values: Vec<String> = columns.iter().map(|column| value(column)).collect();
    values.extend(default.map(str::to_owned));
    match values.len() {
        1 => values.remove(0),
        _ => format!("[{}]", values.join(", ")),
    }
}

fn value(column: &SampleColumn) -> String {
    let path = yaml::scalar(&column.path);
    match column.times.as_ref().and_then(|times| times.format) {
        Some(format) => format!("{{ value: {path}, format: \"{format}\" }}"),
        None => path,
    }
}
