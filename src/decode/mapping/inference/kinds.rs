//! What an event's own word says has happened.

use super::names::words;
use super::vocabulary;

/// A rule in the making: which events it is for, and what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    /// The rule's name.
    pub(super) rule: &'static str,
    /// Our word; empty: it is about no ticket.
    pub(super) event: &'static str,
    pub(super) actor: Option<&'static str>,
    pub(super) is_private: bool,
}

const fn kind(rule: &'static str, event: &'static str) -> Kind {
    Kind {
        rule,
        event,
        actor: None,
        is_private: false,
    }
}

/// Understands a word such as `ticket.comment_added` or `CaseReopened`.
pub(super) fn of(word: &str) -> Option<Kind> {
    let said = words(word);
    let has = |all: &[&str]| said.iter().any(|word| all.contains(&word.as_str()));
    let begins = |all: &[&str]| {
        said.iter()
            .any(|word| all.iter().any(|begin| word.starts_with(begin)))
    };
    let is_ticket = has(&vocabulary::TICKETS);
    let is_new = has(&[
        "create",
        "created",
        "creation",
        "add",
        "added",
        "insert",
        "inserted",
        "new",
        "opened",
        "submitted",
        "received",
        "registered",
        "open",
        "erstellt",
        "angelegt",
        "neu",
    ]);
    let is_gone = begins(&["delet", "remov", "trash", "destroy"]) || has(&["gelöscht"]);
    let is_change = begins(&["updat", "chang", "modif", "edit"]) || has(&["geändert"]);
    if has(&["ping", "test", "heartbeat", "healthcheck", "webhook"]) {
        return Some(kind("ignored", ""));
    }
    let others = [
        "user",
        "contact",
        "organization",
        "organisation",
        "company",
        "account",
        "product",
        "order",
        "invoice",
        "tag",
        "role",
        "attachment",
    ];
    let is_other = has(&others) || (has(&["group", "team", "agent", "customer"]) && !is_change);
    if is_other && !is_ticket && (is_new || is_gone || is_change && has(&others)) {
        return Some(kind("ignored", ""));
    }
    if begins(&["csat", "satisf", "survey", "rating", "feedback", "bewert"]) || has(&["rated"]) {
        return Some(if has(&["offered", "sent", "requested"]) {
            kind("rating_offered", "csat_offered")
        } else {
            kind("rated", "csat_rated")
        });
    }
    let is_note = has(&["note", "notes", "internal", "private", "notiz"]);
    if is_note || has(&MESSAGES) || begins(&["repl", "respon", "answer", "antwort"]) {
        return Some(if is_gone || is_change {
            kind("changed", "updated")
        } else {
            message(&said, is_note)
        });
    }
    if begins(&["worklog", "timelog", "timeentry"])
        || has(&["time"]) && has(&["entry", "log", "logged", "spent", "tracked"])
    {
        return Some(kind("worklog", "worklog"));
    }
    if begins(&["merg"]) {
        return Some(kind("merged", "merged"));
    }
    if has(&["spam"]) {
        return Some(kind("spam", "spam"));
    }
    if begins(&["restor", "undelet", "recover"]) {
        return Some(kind("restored", "undeleted"));
    }
    if is_gone {
        return Some(kind("deleted", "deleted"));
    }
    if begins(&["escalat", "eskal"]) {
        return Some(kind("escalated", "escalated"));
    }
    if has(&["group", "team", "queue", "department"]) || begins(&["transfer", "rout", "moved"]) {
        return Some(kind("team", "team_changed"));
    }
    if begins(&["assign", "unassign", "reassign", "zugewiesen"]) || has(&["owner", "agent"]) {
        return Some(kind("agent", "agent_changed"));
    }
    if begins(&["priorit", "urgen", "sever"]) {
        return Some(kind("priority", "priority_changed"));
    }
    if begins(&["reopen"]) || has(&["re"]) && has(&["opened", "open"]) {
        return Some(kind("reopened", "reopened"));
    }
    if begins(&["solve", "resol", "gelöst", "erledigt"]) || has(&["done", "completed"]) {
        return Some(kind("solved", "solved"));
    }
    if begins(&["clos", "geschlossen"]) {
        return Some(kind("closed", "closed"));
    }
    if has(&["status", "state"]) || begins(&["transition", "pend", "wait", "hold", "snooz", "paus"])
    {
        return Some(kind("status", "status_changed"));
    }
    if is_change {
        return Some(kind("changed", "updated"));
    }
    is_new.then_some(kind("created", "created"))
}

const MESSAGES: [&str; 13] = [
    "comment",
    "commented",
    "comments",
    "message",
    "messages",
    "email",
    "article",
    "chat",
    "correspondence",
    "post",
    "posted",
    "kommentar",
    "nachricht",
];

fn message(said: &[String], is_private: bool) -> Kind {
    let has = |all: &[&str]| said.iter().any(|word| all.contains(&word.as_str()));
    if is_private {
        return Kind {
            is_private,
            ..kind("note", "message")
        };
    }
    if has(&[
        "customer",
        "requester",
        "client",
        "contact",
        "user",
        "kunde",
    ]) {
        return Kind {
            actor: Some("customer"),
            ..kind("message_of_customer", "message")
        };
    }
    if has(&[
        "agent",
        "staff",
        "operator",
        "support",
        "admin",
        "technician",
    ]) {
        return Kind {
            actor: Some("agent"),
            ..kind("message_of_agent", "message")
        };
    }
    kind("message", "message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_events_are_understood() {
        for (word, event) in [
            ("ticket.created", "created"),
            ("TICKET_OPENED", "created"),
            ("ticket.comment_added", "message"),
            ("CaseReopened", "reopened"),
            ("issue:status-changed", "status_changed"),
            ("case.resolved", "solved"),
            ("ticketClosed", "closed"),
            ("agent_assigned", "agent_changed"),
            ("case.team_changed", "team_changed"),
            ("priorityChanged", "priority_changed"),
            ("survey_sent", "csat_offered"),
            ("satisfaction.rated", "csat_rated"),
            ("time_entry.created", "worklog"),
            ("merged", "merged"),
            ("ticket.deleted", "deleted"),
            ("ticket.restored", "undeleted"),
            ("comment_edited", "updated"),
            ("user.created", ""),
            ("ping", ""),
        ] {
            assert_eq!(of(word).map(|kind| kind.event), Some(event), "{word}");
        }
        assert_eq!(of("xyzzy"), None);
        assert_eq!(of("customer_replied").unwrap().actor, Some("customer"));
        assert!(of("internal_note_added").unwrap().is_private);
    }
}
