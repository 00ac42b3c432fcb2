//! The members by which the records of known systems are recognized.

use serde_json::Value;

use super::column::share;
use super::samples_table::SampleRow;

/// This share of the records has to look like those of a system.
const LEAST_SHARE: f64 = 0.5;

/// Presets with JSON pointers: a record must have all of one alternative. The more special presets come
/// first.
const SIGNATURES: [(&str, &str); 26] = [
    ("canonical", "/ticket_id /type /at"),
    ("zendesk-csv", "/Id /Created at /Ticket type /Via"),
    ("jira-csv", "/Issue key /Issue id /Issue Type /Created"),
    ("freshdesk-csv", "/Ticket ID /Created time /Resolved time"),
    ("zendesk-eventbridge", "/detail-type /detail/ticket_event"),
    ("zendesk", "/zendesk_event_version /detail/id"),
    (
        "jira",
        "/webhookEvent | /issue/key /issue/fields | /issue_event_type_name",
    ),
    ("github", "/action /repository/full_name /sender/login"),
    ("gitlab", "/object_kind /object_attributes"),
    (
        "intercom",
        "/topic /data/item /app_id | /topic /data/item/type",
    ),
    (
        "freescout",
        "/mailboxId /threadsCount /_embedded/threads \
         | /mailboxId /primaryCustomer /_embedded/threads",
    ),
    (
        "hubspot",
        "/subscriptionType /portalId | /0/subscriptionType /0/portalId \
         | /properties/hs_pipeline_stage | /results/0/properties/hs_pipeline_stage",
    ),
    (
        "odoo",
        "/_model /_id /_action | /after/stage_id /after/team_id /source/table",
    ),
    (
        "salesforce",
        "/ChangeEventHeader/entityName | /payload/ChangeEventHeader/entityName \
         | /data/payload/ChangeEventHeader/entityName",
    ),
    ("freshdesk", "/freshdesk_webhook"),
    (
        "freshservice",
        "/freshservice_webhook | /ticket/fr_escalated /ticket/requester_id \
         | /fr_escalated /responder_id /requester_id | /tickets/0/fr_escalated \
         | /conversation/ticket_id /conversation/incoming | /time_entry/time_spent \
         | /csat_response/overall_rating",
    ),
    (
        "zammad",
        "/ticket/article_count | /ticket/create_article_type_id \
         | /create_article_type_id /number | /create_article_sender_id /number \
         | /tickets/0/create_article_type_id",
    ),
    (
        "servicenow",
        "/sys_id /sys_updated_on | /result/sys_id /result/sys_updated_on \
         | /result/0/sys_id /result/0/sys_updated_on \
         | /records/0/sys_id /records/0/sys_updated_on",
    ),
    (
        "chatwoot",
        "/event /inbox_id /contact_inbox | /event /message_type /conversation/inbox_id",
    ),
    (
        "frappe-helpdesk",
        "/raised_by /agent_group /creation /modified",
    ),
    (
        "glpi",
        "/event /item/team /item/date_mod | /event /item/itemtype /item/items_id",
    ),
    (
        "otrs",
        "/Ticket/TicketID /Ticket/StateType | /after/ticket_state_id /op \
         | /before/ticket_state_id /op | /after/article_sender_type_id /op \
         | /after/history_type_id /op | /after/time_unit /op | /payload/after/ticket_state_id \
         | /payload/after/article_sender_type_id | /ticket_state_id /__op",
    ),
    (
        "osticket",
        "/after/dept_id /after/status_id /op | /before/dept_id /before/status_id /op \
         | /after/thread_id /after/type /op | /after/ticket_id /after/subject /after/priority \
         | /payload/after/dept_id /payload/after/status_id | /ticket_id /dept_id /status_id \
         | /ticket_id /thread_id /type",
    ),
    (
        "debezium",
        "/op /source/connector | /after /source/connector | /op /source/table \
         | /payload/op /payload/source | /__op | /iodebeziumop",
    ),
    // Records of the preset servicenow have these too.
    (
        "servicenow-csv",
        "/number /opened_at /resolved_at /closed_at",
    ),
    ("cloudevents", "/specversion /type /source | /0/specversion"),
];

/// The presets whose systems the records look like, with the share of the records that do. The
/// greatest share comes first.
pub(super) fn presets(rows: &[SampleRow]) -> Vec<(&'static str, f64)> {
    let mut found = Vec::new();
    for (preset, alternatives) in SIGNATURES {
        let fits = |row: &&SampleRow| {
            let is_binary = preset == "cloudevents" && row.has_cloud_event_headers();
            let mut alternatives = alternatives.split(" | ");
            is_binary
                || alternatives.any(|all| {
                    // Names of columns may have spaces.
                    let mut names = all.trim_start_matches('/').split(" /");
                    names.all(|name| has(&row.record, &format!("/{name}")))
                })
        };
        let share = share(rows.iter().filter(fits).count(), rows.len());
        if share >= LEAST_SHARE {
            found.push((preset, share));
        }
    }
    found.sort_by(|one, other| other.1.total_cmp(&one.1));
    found
}

/// A member of the record itself may be `null`; a member further inside has to have a value.
fn has(record: &Value, pointer: &str) -> bool {
    let is_outermost = pointer.matches('/').count() == 1;
    record
        .pointer(pointer)
        .is_some_and(|value| is_outermost || !value.is_null())
}
