//! The built-in mappings.

use crate::config::problem::ConfigErrors;
use crate::config::tree::{self, YamlNode};

/// Means that the records are canonical events.
pub const CANONICAL: &str = "canonical";
/// Means an empty mapping that the user fills.
pub const NO_PRESET: &str = "none";

/// The names and texts of all presets.
pub const PRESETS: [(&str, &str); 25] = [
    ("chatwoot", include_str!("presets/chatwoot.yaml")),
    ("cloudevents", include_str!("presets/cloudevents.yaml")),
    ("debezium", include_str!("presets/debezium.yaml")),
    (
        "frappe-helpdesk",
        include_str!("presets/frappe-helpdesk.yaml"),
    ),
    ("freescout", include_str!("presets/freescout.yaml")),
    ("freshdesk", include_str!("presets/freshdesk.yaml")),
    ("freshdesk-csv", include_str!("presets/freshdesk-csv.yaml")),
    ("freshservice", include_str!("presets/freshservice.yaml")),
    ("github", include_str!("presets/github.yaml")),
    ("gitlab", include_str!("presets/gitlab.yaml")),
    ("glpi", include_str!("presets/glpi.yaml")),
    ("hubspot", include_str!("presets/hubspot.yaml")),
    ("intercom", include_str!("presets/intercom.yaml")),
    ("jira", include_str!("presets/jira.yaml")),
    ("jira-csv", include_str!("presets/jira-csv.yaml")),
    ("odoo", include_str!("presets/odoo.yaml")),
    ("osticket", include_str!("presets/osticket.yaml")),
    ("otrs", include_str!("presets/otrs.yaml")),
    ("salesforce", include_str!("presets/salesforce.yaml")),
    ("servicenow", include_str!("presets/servicenow.yaml")),
    (
        "servicenow-csv",
        include_str!("presets/servicenow-csv.yaml"),
    ),
    ("zammad", include_str!("presets/zammad.yaml")),
    ("zendesk", include_str!("presets/zendesk.yaml")),
    ("zendesk-csv", include_str!("presets/zendesk-csv.yaml")),
    (
        "zendesk-eventbridge",
        include_str!("presets/zendesk-eventbridge.yaml"),
    ),
];

/// The valid values of the key `preset`.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let presets = PRESETS.iter().map(|(name, _)| *name);
    [CANONICAL, NO_PRESET].into_iter().chain(presets)
}

/// Parses a preset. Returns `None` if there is no preset with this name.
pub(super) fn find(name: &str) -> Option<YamlNode> {
    let text = match name {
        NO_PRESET => "{}",
        _ => PRESETS.iter().find(|(preset, _)| *preset == name)?.1,
    };
    // A test parses every preset, so there are no errors.
    let file = format!("preset {name}");
    tree::parse(text, &tree::in_file(&file), &mut ConfigErrors::default())
}
