//! What the event of a step says: its type, who acted, and what only some events carry.

use super::story::{TOGETHER, Teller};
use super::ticket::{Act, Fate, Step, Ticket};

impl Teller {
    /// Type and actor of a step's event.
    pub(super) fn act(&mut self, ticket: &Ticket) -> Act {
        let channel = self.profile.channels.get(usize::from(ticket.channel));
        let opener = if channel.is_some_and(|channel| channel.opened_by_agent) {
            "agent"
        } else {
            "customer"
        };
        match ticket.step {
            Step::Create => Act::new("created", opener),
            Step::Open => Act::new("message", opener),
            Step::BotReply => Act::new("message", "bot"),
            // Helpdesks disagree on how to say it; the contract takes both.
            Step::Solve if self.chance.happens(0.1) => Act::new("status_changed", "agent"),
            Step::Solve => Act::new("solved", "agent"),
            Step::BotSolve => Act::new("solved", "bot"),
            Step::GiveUp => Act::new("solved", "system"),
            Step::Triage if self.chance.happens(TOGETHER) => Act::new("updated", "agent"),
            Step::Triage | Step::Transfer => Act::new("team_changed", "agent"),
            Step::Assign => Act::new("agent_changed", "agent"),
            Step::Reprioritise => Act::new("priority_changed", "agent"),
            Step::Update => Act::new("updated", "agent"),
            Step::Answer | Step::Chase | Step::Thank | Step::Complain => {
                Act::new("message", "customer")
            }
            Step::Note => Act {
                public: false,
                ..Act::new("message", "agent")
            },
            Step::Reply => Act::new("message", "agent"),
            Step::Book => Act::new("worklog", "agent"),
            Step::Ask | Step::Hold | Step::Resume => Act::new("status_changed", "agent"),
            Step::Reactivate => Act::new("status_changed", "system"),
            Step::Escalate => Act::new("escalated", "agent"),
            Step::OfferCsat => Act::new("csat_offered", "system"),
            Step::RateCsat | Step::ChangeRating => Act::new("csat_rated", "customer"),
            Step::Reopen => Act::new("reopened", "system"),
            Step::Close => Act::new("closed", "system"),
            Step::Merge => Act {
                into: match ticket.fate {
                    Fate::Merged(survivor) => Some(survivor),
                    Fate::Worked | Fate::Spam | Fate::Deleted => None,
                },
                ..Act::new("merged", "agent")
            },
            Step::Spam => Act::new("spam", "system"),
            Step::Delete => Act::new("deleted", "agent"),
            Step::Undelete => Act::new("undeleted", "agent"),
        }
    }
}
