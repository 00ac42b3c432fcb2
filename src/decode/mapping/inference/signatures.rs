//! By which members the records of known systems can be told.

use std::ops::ControlFlow;

use super::statistics::ratio;
use crate::decode::mapping::json::Json;
use crate::decode::mapping::scope::Roots;
use crate::domain::mapping::Path;

/// So many of the records have to be of a system.
const ENOUGH: f64 = 0.5;

/// Presets, and paths of which all must be there; or all of another list. Those that are more
/// special come first.
const SIGNATURES: [(&str, &[&[&str]]); 13] = [
    ("canonical", &[&[".ticket_id", ".type", ".at"]]),
    (
        "zendesk-eventbridge",
        &[&[".detail-type", ".detail.ticket_event"]],
    ),
    ("zendesk", &[&[".zendesk_event_version", ".detail.id"]]),
    (
        "jira",
        &[
            &[".webhookEvent"],
            &[".issue.key", ".issue.fields"],
            &[".issue_event_type_name"],
        ],
    ),
    (
        "github",
        &[&[".action", ".repository.full_name", ".sender.login"]],
    ),
    ("gitlab", &[&[".object_kind", ".object_attributes"]]),
    (
        "intercom",
        &[
            &[".topic", ".data.item", ".app_id"],
            &[".topic", ".data.item.type"],
        ],
    ),
    ("freshdesk", &[&[".freshdesk_webhook"]]),
    (
        "freshservice",
        &[
            &[".freshservice_webhook"],
            &[".ticket.fr_escalated", ".ticket.requester_id"],
            &[".fr_escalated", ".responder_id", ".requester_id"],
            &[".tickets[0].fr_escalated"],
            &[".conversation.ticket_id", ".conversation.incoming"],
            &[".time_entry.time_spent"],
            &[".csat_response.overall_rating"],
        ],
    ),
    (
        "zammad",
        &[
            &[".ticket.article_count"],
            &[".ticket.create_article_type_id"],
            &[".create_article_type_id", ".number"],
            &[".create_article_sender_id", ".number"],
            &[".tickets[0].create_article_type_id"],
        ],
    ),
    (
        "servicenow",
        &[
            &[".sys_id", ".sys_updated_on"],
            &[".result.sys_id", ".result.sys_updated_on"],
            &[".result[0].sys_id", ".result[0].sys_updated_on"],
            &[".records[0].sys_id", ".records[0].sys_updated_on"],
        ],
    ),
    (
        "debezium",
        &[
            &[".op", ".source.connector"],
            &[".after", ".source.connector"],
            &[".op", ".source.table"],
            &[".payload.op", ".payload.source"],
            &[".__op"],
            &[".iodebeziumop"],
        ],
    ),
    (
        "cloudevents",
        &[
            &[".specversion", ".type", ".source"],
            &[".[0].specversion"],
            &["$headers.ce_specversion"],
        ],
    ),
];

/// The presets whose systems the records look like, those first that most records look like.
pub(super) fn presets(records: &[Roots<'_>]) -> Vec<(&'static str, f64)> {
    let mut found = Vec::new();
    for (preset, alternatives) in SIGNATURES {
        let alternatives: Vec<Vec<Path>> = alternatives
            .iter()
            .map(|paths| {
                paths
                    .iter()
                    .filter_map(|path| Path::parse(path).ok())
                    .collect()
            })
            .collect();
        let fits = |roots: &&Roots<'_>| {
            alternatives
                .iter()
                .any(|paths: &Vec<Path>| paths.iter().all(|path| is_there(roots, path)))
        };
        let share = ratio(records.iter().filter(fits).count(), records.len());
        if share >= ENOUGH {
            found.push((preset, share));
        }
    }
    found.sort_by(|one, other| other.1.total_cmp(&one.1));
    found
}

/// Also where it is `null`.
fn is_there(roots: &Roots<'_>, path: &Path) -> bool {
    let is_inside = |json: &Json<'_>| !matches!(json, Json::Null) || path.steps.len() == 1;
    roots
        .visit(path, None, &mut |json| {
            if is_inside(json) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .is_break()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_of_a_signature_can_be_read() {
        for (preset, alternatives) in SIGNATURES {
            for path in alternatives.iter().copied().flatten() {
                assert!(Path::parse(path).is_ok(), "{preset}: {path}");
            }
        }
    }
}
