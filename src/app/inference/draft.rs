//! A mapping in the making, and how it is written.

use crate::domain::yaml;

#[derive(Debug, Default)]
pub(super) struct Draft {
    unwrap: Vec<&'static str>,
    /// The reason for the zone UTC.
    pub(super) zone: Option<&'static str>,
    values: String,
    common: String,
    rules: String,
    /// Facts that the records do not show. Each text names the candidates and asks the reader to decide.
    questions: String,
}

impl Draft {
    pub(super) fn new(unwrap: Vec<&'static str>) -> Self {
        Self {
            unwrap,
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, member: &str, value: &str, reason: &str) {
        line(&mut self.common, "    ", member, value, reason);
    }

    /// Our words for a member, each with the words of the other system.
    pub(super) fn add_words<'w>(
        &mut self,
        member: &str,
        words: impl IntoIterator<Item = (&'static str, Vec<&'w str>)>,
    ) {
        self.values.push_str(&format!("    {member}:\n"));
        for (ours, theirs) in words {
            line(&mut self.values, "      ", ours, &yaml::list(theirs), "");
        }
    }

    pub(super) fn add_rule(&mut self, name: &str, lines: &[(&str, &str)]) {
        self.rules.push_str(&format!("    {name}:\n"));
        for (key, value) in lines {
            line(&mut self.rules, "      ", key, value, "");
        }
    }

    pub(super) fn ask(&mut self, question: &str) {
        let question = yaml::comment(question);
        self.questions.push_str(&format!("# - {question}\n"));
    }

    pub(super) fn write(&self) -> String {
        let mut text = String::from("mapping:\n  preset: none\n");
        if !self.unwrap.is_empty() {
            let steps = format!("[{}]", self.unwrap.join(", "));
            line(&mut text, "  ", "unwrap", &steps, "");
        }
        if let Some(reason) = self.zone {
            line(&mut text, "  ", "zone", "UTC", reason);
        }
        for (title, lines) in [
            ("  values:\n", &self.values),
            ("  common:\n", &self.common),
            ("  rules:\n", &self.rules),
            (
                "# The samples leave these questions open. Only you can answer them:\n",
                &self.questions,
            ),
        ] {
            if !lines.is_empty() {
                text.push_str(title);
                text.push_str(lines);
            }
        }
        text
    }
}

fn line(text: &mut String, indent: &str, key: &str, value: &str, reason: &str) {
    let comment = if reason.is_empty() {
        String::new()
    } else {
        format!("  # {}", yaml::comment(reason))
    };
    text.push_str(&format!("{indent}{key}: {value}{comment}\n"));
}
