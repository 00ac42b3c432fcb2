//! The text of the configuration.

use super::answers::StarterAnswers;
use super::findings::SampleFindings;
use super::opening_hours::ALWAYS;
use crate::domain::yaml;

const CALENDAR: &str = "office";

/// The key `sla` of a sample without enough history.
pub const NO_TARGETS: &str = "\
# SLA targets: the sample has too little history to suggest any. Once there is more, `ticket-exporter suggest-targets`
# does. Or write here what you have agreed with your customers:
# sla:
#   policies:
#     - name: standard
#       targets: { first_response: 4h, resolution: 16h }
";

/// `mapping` is the proposal of `infer-mapping`, `sla` the key `sla` with its comments.
pub fn configuration(
    answers: &StarterAnswers,
    mapping: &str,
    findings: &SampleFindings,
    sla: &str,
) -> String {
    let records = findings.records;
    let parts = [
        format!(
            "# The configuration of ticket-exporter, written by `ticket-exporter init` from {records} sample records.\n\
             # `ticket-exporter check-config --print-reference` explains every key.\n"
        ),
        kafka(answers),
        mapping.to_owned(),
        calendars(answers),
        teams(answers, findings),
        priorities(findings),
        attributes(findings),
        sla.to_owned(),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

/// The mapping of a table, for a topic whose records are not its rows.
pub fn mapping_of_table(mapping: &str, answers: &StarterAnswers) -> String {
    let (topic, zone) = (yaml::scalar(&answers.topic), yaml::comment(&answers.zone));
    format!(
        "{mapping}  \
         # All of this is for rows of the export. Its times without a zone are in UTC, or as you say, such as zone: {zone}.\n  \
         # The topic has canonical events, as `ticket-exporter import` writes them. For webhooks, name their preset here.\n  \
         topics:\n    {topic}: {{ preset: canonical }}\n"
    )
}

fn kafka(answers: &StarterAnswers) -> String {
    let brokers = yaml::list(answers.brokers.iter().map(String::as_str));
    let topics = yaml::list([answers.topic.as_str()]);
    format!(
        "kafka:\n  brokers: {brokers}\n  topics: {topics}\n  \
         # If the brokers ask for a login or TLS, write it here: docs/how-to/secure-kafka.md.\n"
    )
}

fn calendars(answers: &StarterAnswers) -> String {
    if answers.hours.is_always() {
        return String::new();
    }
    let zone = yaml::scalar(&answers.zone);
    let weekly = answers.hours.weekly("      ");
    format!(
        "# The business clock counts these hours.\n\
         calendars:\n  {CALENDAR}:\n    timezone: {zone}\n    weekly:\n{weekly}    \
         # Fill in the days on which the helpdesk is closed, such as [\"2026-12-25\"]. Until then they count as working days.\n    \
         # `ics` takes calendar files instead.\n    \
         holidays: []\n"
    )
}

fn teams(answers: &StarterAnswers, findings: &SampleFindings) -> String {
    let calendar = if answers.hours.is_always() {
        ALWAYS
    } else {
        CALENDAR
    };
    let calendar = yaml::scalar(calendar);
    let mut text = format!(
        "teams:\n  default_calendar: {calendar}\n  \
         # Teams with other hours, such as {{ network: 24x7 }}.\n  \
         calendars: {{}}\n"
    );
    if findings.teams.is_empty() {
        text.push_str("  # The sample has no teams. A listed team has its series from the start.\n  known: []\n");
    } else {
        let teams = yaml::list(findings.teams.iter().map(String::as_str));
        text.push_str(&format!(
            "  # The teams of the sample. Add the others: a listed team has its series from the start.\n  known: {teams}\n"
        ));
    }
    text
}

fn priorities(findings: &SampleFindings) -> String {
    if findings.priorities.is_empty() {
        return String::new();
    }
    let priorities = yaml::list(findings.priorities.iter().map(String::as_str));
    format!(
        "# Check the order: the most urgent comes first, and each of its breaches is a critical alert.\n\
         priorities: {priorities}\n"
    )
}

fn attributes(findings: &SampleFindings) -> String {
    let Some(first) = findings.attributes.keys().next() else {
        return String::new();
    };
    let mut text = format!(
        "# The attributes of the sample, for policies and for `replay --by {first}`. With label: true an attribute is a\n\
         # label of the metrics, and multiplies their series.\n\
         attributes:\n"
    );
    for (name, values) in &findings.attributes {
        let values = yaml::list(values.iter().map(String::as_str));
        text.push_str(&format!("  {name}: {{ values: {values}, label: false }}\n"));
    }
    text
}
