//! The words by which desks call things, in the languages that we know some of.

use super::names::words;
use crate::domain::event::{Actor, Status};

/// What a ticket is called.
pub(super) const TICKETS: [&str; 14] = [
    "ticket",
    "case",
    "issue",
    "incident",
    "request",
    "conversation",
    "inquiry",
    "enquiry",
    "interaction",
    "task",
    "sctask",
    "problem",
    "vorgang",
    "anfrage",
];
/// What stands for an identity.
pub(super) const IDS: [&str; 12] = [
    "id",
    "key",
    "number",
    "no",
    "nr",
    "num",
    "nummer",
    "ref",
    "reference",
    "uuid",
    "guid",
    "identifier",
];
/// Whose ids are not the ticket's.
pub(super) const OTHERS: [&str; 40] = [
    "user", "author", "agent", "customer", "requester", "submitter", "contact", "person", "group",
    "team", "queue", "department", "organization", "organisation", "company", "account", "tenant",
    "brand", "form", "product", "project", "assignee", "owner", "reporter", "creator", "sender",
    "channel", "event", "message", "comment", "reply", "note", "article", "delivery", "webhook",
    "type", "category", "attachment", "policy", "sla",
];
/// What a ticket refers to besides itself, or was before.
pub(super) const FORMER: [&str; 16] = [
    "parent", "merged", "related", "linked", "previous", "prev", "old", "before", "duplicate",
    "external", "original", "from", "source", "target", "past", "former",
];

/// Ours, and the words for it.
const STATUSES: [(Status, &[&str]); 6] = [
    (
        Status::New,
        &[
            "new", "created", "submitted", "unassigned", "received", "registered", "logged", "todo",
            "to do", "backlog", "untouched", "neu", "eingegangen", "nouveau", "nuevo", "nuovo",
            "novo", "nieuw",
        ],
    ),
    (
        Status::Open,
        &[
            "open", "opened", "reopened", "re opened", "active", "assigned", "in progress",
            "processing", "in process", "work in progress", "working", "wip", "acknowledged",
            "accepted", "started", "doing", "under review", "investigating", "in review", "offen",
            "in bearbeitung", "bearbeitung", "wieder offen", "zugewiesen", "ouvert", "en cours",
            "abierto", "en curso", "en progreso", "aperto", "in corso", "in lavorazione", "aberto",
            "em andamento", "behandeling", "in behandeling",
        ],
    ),
    (
        Status::Pending,
        &[
            "pending", "waiting", "awaiting", "pending reminder", "waiting on customer",
            "waiting for customer", "waiting customer", "awaiting customer", "awaiting reply",
            "awaiting response", "awaiting customer reply", "awaiting customer response",
            "awaiting user info", "pending customer", "customer pending", "waiting for reply",
            "waiting for user", "waiting on user", "waiting for response", "needs info",
            "info requested", "wartend", "warten", "wartet auf kunde", "warten auf kunde",
            "warten auf kunden", "rückfrage", "en attente", "en attente du client", "pendiente",
            "en espera", "in attesa", "pendente", "wachtend",
        ],
    ),
    (
        Status::OnHold,
        &[
            "hold", "on hold", "onhold", "held", "suspended", "paused", "blocked", "snoozed",
            "deferred", "waiting on third party", "waiting for third party", "waiting on vendor",
            "waiting for vendor", "awaiting vendor", "pending vendor", "pending third party",
            "waiting for support", "pausiert", "zurückgestellt", "blockiert", "suspendu",
            "suspendido", "sospeso", "suspenso",
        ],
    ),
    (
        Status::Solved,
        &[
            "solved", "resolved", "done", "completed", "complete", "fixed", "finished", "answered",
            "fulfilled", "gelöst", "geloest", "erledigt", "fertig", "behoben", "résolu", "terminé",
            "resuelto", "solucionado", "risolto", "resolvido", "opgelost",
        ],
    ),
    (
        Status::Closed,
        &[
            "closed", "cancelled", "canceled", "archived", "rejected", "abandoned", "declined",
            "withdrawn", "geschlossen", "abgeschlossen", "storniert", "abgelehnt", "fermé", "clos",
            "cerrado", "chiuso", "fechado", "gesloten",
        ],
    ),
];

/// The status that a word stands for.
pub(super) fn status(word: &str) -> Option<Status> {
    let word = words(word).join(" ");
    let found = STATUSES.iter().find(|(_, all)| all.contains(&word.as_str()));
    found.map(|(status, _)| *status)
}

/// Who a word stands for.
pub(super) fn actor(word: &str) -> Option<Actor> {
    Some(match words(word).join(" ").as_str() {
        "agent" | "staff" | "admin" | "operator" | "support" | "employee" | "technician"
        | "internal user" | "teammate" | "representative" | "supporter" | "mitarbeiter"
        | "bearbeiter" | "agente" | "conseiller" => Actor::Agent,
        "customer" | "requester" | "client" | "contact" | "end user" | "enduser" | "user"
        | "reporter" | "consumer" | "visitor" | "guest" | "kunde" | "cliente" | "klant" => {
            Actor::Customer
        }
        "bot" | "robot" | "ai" | "chatbot" | "app" => Actor::Bot,
        "system" | "automation" | "workflow" | "trigger" | "rule" | "integration" => Actor::System,
        _ => return None,
    })
}

/// Whether a word is a way by which tickets come.
pub(super) fn is_channel(word: &str) -> bool {
    const CHANNELS: [&str; 30] = [
        "email", "mail", "e mail", "phone", "call", "voice", "telephone", "web", "website", "form",
        "web form", "webform", "portal", "chat", "live chat", "messaging", "sms", "api", "twitter",
        "facebook", "whatsapp", "instagram", "slack", "teams", "mobile", "app", "widget", "walk in",
        "social", "fax",
    ];
    CHANNELS.contains(&words(word).join(" ").as_str())
}

/// Whether a word says that a ticket is nobody's.
pub(super) fn is_nobody(word: &str) -> bool {
    let nobody = ["0", "-", "none", "nobody", "unassigned", "n/a", "null", "-1"];
    nobody.iter().any(|one| word.eq_ignore_ascii_case(one))
}
