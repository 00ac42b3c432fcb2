//! The mappings that come with the program.

use crate::config::problem::Errors;
use crate::config::tree::{self, Node};

/// Records are canonical events.
pub const CANONICAL: &str = "canonical";
/// A mapping made from nothing.
pub const NO_PRESET: &str = "none";

/// Names and texts, in the order in which they are listed.
pub const PRESETS: [(&str, &str); 12] = [
    ("cloudevents", include_str!("presets/cloudevents.yaml")),
    ("debezium", include_str!("presets/debezium.yaml")),
    ("freshdesk", include_str!("presets/freshdesk.yaml")),
    ("freshservice", include_str!("presets/freshservice.yaml")),
    ("github", include_str!("presets/github.yaml")),
    ("gitlab", include_str!("presets/gitlab.yaml")),
    ("intercom", include_str!("presets/intercom.yaml")),
    ("jira", include_str!("presets/jira.yaml")),
    ("servicenow", include_str!("presets/servicenow.yaml")),
    ("zammad", include_str!("presets/zammad.yaml")),
    ("zendesk", include_str!("presets/zendesk.yaml")),
    (
        "zendesk-eventbridge",
        include_str!("presets/zendesk-eventbridge.yaml"),
    ),
];

/// Everything that `preset` may be.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let presets = PRESETS.iter().map(|(name, _)| *name);
    [CANONICAL, NO_PRESET].into_iter().chain(presets)
}

/// The text of a preset, read. `None`: there is none of that name.
pub(super) fn find(name: &str) -> Option<Node> {
    let text = match name {
        NO_PRESET => "{}",
        _ => PRESETS.iter().find(|(preset, _)| *preset == name)?.1,
    };
    // That each of them can be read is tested.
    let file = format!("preset {name}");
    tree::parse(text, &tree::in_file(&file), &mut Errors::default())
}
