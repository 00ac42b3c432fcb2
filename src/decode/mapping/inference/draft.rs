//! A mapping in the making, and how it is written down.

use super::yaml;

/// A member with what its value is to be, and why.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) why: String,
}

impl Line {
    pub(super) fn new(key: &str, value: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            value: value.into(),
            why: why.into(),
        }
    }
}

/// A rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) lines: Vec<Line>,
}

/// `our word: [their words]`, under a name.
#[derive(Debug)]
pub(super) struct Map {
    pub(super) name: &'static str,
    pub(super) words: Vec<(String, Vec<String>)>,
    /// Written below it.
    pub(super) notes: Vec<String>,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) unwrap: Vec<(String, String)>,
    pub(super) zone: Option<String>,
    pub(super) maps: Vec<Map>,
    pub(super) common: Vec<Line>,
    /// What was not found, and what to do.
    pub(super) missing: Vec<String>,
    pub(super) rules: Vec<Rule>,
}

impl Draft {
    pub(super) fn write(&self) -> String {
        let mut text = String::new();
        text.push_str("mapping:\n  preset: none\n");
        if !self.unwrap.is_empty() {
            let steps: Vec<&str> = self.unwrap.iter().map(|(step, _)| step.as_str()).collect();
            let why: Vec<&str> = self.unwrap.iter().map(|(_, why)| why.as_str()).collect();
            let value = format!("[{}]", steps.join(", "));
            line(&mut text, "  ", "unwrap", &value, &why.join("; "));
        }
        if let Some(why) = &self.zone {
            line(&mut text, "  ", "zone", "UTC", why);
        }
        if !self.maps.is_empty() {
            text.push_str("  values:\n");
        }
        for map in &self.maps {
            text.push_str(&format!("    {}:\n", map.name));
            for (ours, theirs) in &map.words {
                let theirs = yaml::list(theirs.iter().map(String::as_str));
                text.push_str(&format!("      {}: {theirs}\n", yaml::scalar(ours)));
            }
            for note in &map.notes {
                comment(&mut text, "      ", note);
            }
        }
        text.push_str("  common:\n");
        for member in &self.common {
            line(&mut text, "    ", &member.key, &member.value, &member.why);
        }
        for note in &self.missing {
            comment(&mut text, "    ", note);
        }
        text.push_str("  rules:\n");
        for rule in &self.rules {
            text.push_str(&format!("    {}:\n", rule.name));
            for member in &rule.lines {
                line(&mut text, "      ", &member.key, &member.value, &member.why);
            }
        }
        text
    }
}

/// Comments begin in this column, where there is room.
const COLUMN: usize = 50;

fn line(text: &mut String, indent: &str, key: &str, value: &str, why: &str) {
    let line = format!("{indent}{key}: {value}");
    text.push_str(&line);
    if !why.is_empty() {
        let room = COLUMN.saturating_sub(line.chars().count()).max(2);
        text.push_str(&" ".repeat(room));
        text.push_str("# ");
        text.push_str(&one_line(why));
    }
    text.push('\n');
}

fn comment(text: &mut String, indent: &str, note: &str) {
    text.push_str(&format!("{indent}# {}\n", one_line(note)));
}

/// A comment must not end before its line does, or hold what YAML forbids.
fn one_line(note: &str) -> String {
    note.chars()
        .map(|character| {
            if character.is_control() || "\u{85}\u{2028}\u{2029}\u{feff}".contains(character) {
                ' '
            } else {
                character
            }
        })
        .collect()
}
