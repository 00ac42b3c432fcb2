//! The words that helpdesks use. A word with two meanings is not in these lists.

use super::names::{TICKETS, is_in, words};
use crate::domain::event::{Actor, Status};

pub(super) const CREATION: &str =
    "created creation create opened opening submitted registered erstellt";
/// Words of a time without a meaning of their own.
pub(super) const PLAIN_TIMES: &str = "at on time timestamp date datetime ts ms last event";
pub(super) const MESSAGES: &str = "message comment reply response article thread note";
pub(super) const PEOPLE: &str = "user author agent customer requester contact person assignee \
     assigned owner reporter creator sender actor client recipient by";

/// A status of ours, and the words for it, in lower case and separated by commas.
const STATUSES: [(Status, &str); 6] = [
    (
        Status::New,
        "new,created,submitted,received,registered,to do,todo,neu,eingegangen,nouveau,nuevo,nuovo,novo,nieuw",
    ),
    (
        Status::Open,
        "open,opened,reopened,re opened,active,assigned,in progress,processing,in process,\
         work in progress,working,wip,acknowledged,investigating,offen,in bearbeitung,wieder offen,\
         ouvert,en cours,abierto,en curso,aperto,in corso,aberto,em andamento,in behandeling",
    ),
    (
        Status::Pending,
        "pending,waiting on customer,waiting for customer,awaiting customer,awaiting customer reply,\
         awaiting customer response,awaiting user info,pending customer,customer pending,\
         waiting for user,waiting on user,wartet auf kunde,warten auf kunde,rückfrage,\
         en attente du client,pendiente,pendente",
    ),
    (
        Status::OnHold,
        "hold,on hold,onhold,suspended,paused,snoozed,waiting on third party,waiting for third party,\
         waiting on vendor,waiting for vendor,pending vendor,pausiert,zurückgestellt",
    ),
    (
        Status::Solved,
        "solved,resolved,done,completed,fixed,gelöst,geloest,erledigt,behoben,résolu,resuelto,risolto,\
         resolvido,opgelost",
    ),
    (
        Status::Closed,
        "closed,cancelled,canceled,archived,geschlossen,abgeschlossen,fermé,clos,cerrado,chiuso,fechado,\
         gesloten",
    ),
];

const CHANNELS: &str = "email,mail,e mail,phone,call,voice,telephone,web,website,form,web form,portal,chat,\
     live chat,messaging,sms,api,twitter,facebook,whatsapp,instagram,slack,teams,mobile,widget,social,fax";

/// Texts that stand for no agent and no team.
const UNASSIGNED: &str = "0 -1 - none unassigned n/a";

fn is_listed(list: &str, word: &str) -> bool {
    let word = words(word).join(" ");
    list.split(',').any(|one| one == word)
}

pub(super) fn status(word: &str) -> Option<Status> {
    let found = STATUSES.iter().find(|(_, list)| is_listed(list, word));
    found.map(|(status, _)| *status)
}

pub(super) fn is_channel(word: &str) -> bool {
    is_listed(CHANNELS, word)
}

pub(super) fn is_unassigned(word: &str) -> bool {
    is_in(UNASSIGNED, &word.to_lowercase())
}

/// The author that a word stands for. `user` is not here: some helpdesks call their agents so, and
/// others their customers.
pub(super) fn actor(word: &str) -> Option<Actor> {
    Some(match words(word).join(" ").as_str() {
        "agent" | "staff" | "operator" | "technician" | "teammate" | "mitarbeiter"
        | "bearbeiter" => Actor::Agent,
        "customer" | "requester" | "client" | "contact" | "end user" | "enduser" | "visitor"
        | "kunde" => Actor::Customer,
        "bot" | "agent bot" | "robot" | "chatbot" => Actor::Bot,
        "system" | "automation" | "workflow" | "trigger" => Actor::System,
        _ => return None,
    })
}

/// The meaning of an event's word. All other events are updates, which state how the ticket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EventKind {
    Created,
    Message,
    Note,
}

/// Understands words such as `ticket.comment_added`, `CaseOpened` and `com.example.case.created.v1`.
/// Every part after the ticket's own word has to be understood.
pub(super) fn event(word: &str) -> Option<EventKind> {
    let mut said = words(word);
    said.pop_if(|last| {
        let version = last.strip_prefix('v');
        version.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    });
    let ticket = said.iter().rposition(|word| is_in(TICKETS, word));
    let rest = said.split_off(ticket.map_or(0, |index| index + 1));
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let mut rest = rest.as_slice();
    match rest {
        ["created" | "new"] => return Some(EventKind::Created),
        ["opened" | "submitted" | "registered"] if ticket.is_some() => {
            return Some(EventKind::Created);
        }
        ["new", more @ ..]
        | [
            more @ ..,
            "added" | "created" | "posted" | "sent" | "received",
        ] => {
            rest = more;
        }
        _ => {}
    }
    match rest {
        ["note"] | ["internal" | "private", "note" | "comment" | "message"] => {
            Some(EventKind::Note)
        }
        ["comment" | "commented" | "message" | "reply" | "replied" | "response" | "article"]
        | ["public", "comment" | "reply"] => Some(EventKind::Message),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_events_are_understood_as_a_whole() {
        for (word, expected) in [
            ("ticket.created", Some(EventKind::Created)),
            ("new", Some(EventKind::Created)),
            ("com.example.case.opened.v1", Some(EventKind::Created)),
            ("ticket.comment_added", Some(EventKind::Message)),
            ("message_created", Some(EventKind::Message)),
            ("CaseReopened", None),
            ("internal_note_added", Some(EventKind::Note)),
            ("agent.reply", None),
            ("message_updated", None),
            ("message_deleted", None),
            ("email", None),
            ("user.created", None),
            ("contact_created", None),
            ("opened", None),
            ("agent_assigned", None),
            ("satisfaction.rated", None),
            ("", None),
        ] {
            assert_eq!(event(word), expected, "{word}");
        }
    }

    #[test]
    fn a_word_with_two_meanings_has_none() {
        for word in ["user", "admin", "support", "app"] {
            assert_eq!(actor(word), None, "{word}");
        }
        for word in ["waiting", "answered", "rejected", "logged", "Replied"] {
            assert_eq!(status(word), None, "{word}");
        }
        assert_eq!(status("In_Progress"), Some(Status::Open));
        assert_eq!(actor("agent_bot"), Some(Actor::Bot));
    }
}
