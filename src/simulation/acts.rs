//! The content of a step's event: its type, who acted, and members that only some events have.

use super::story::{Storyteller, TOGETHER};
use super::ticket::{Act, SimulatedTicket, StoryStep, TicketFate};

impl Storyteller {
    /// Type and actor of a step's event.
    pub(super) fn act(&mut self, ticket: &SimulatedTicket) -> Act {
        let channel = self.profile.channels.get(usize::from(ticket.channel));
        let opener = if channel.is_some_and(|channel| channel.opened_by_agent) {
            "agent"
        } else {
            "customer"
        };
        match ticket.step {
            StoryStep::Create => Act::new("created", opener),
            StoryStep::Open => Act::new("message", opener),
            StoryStep::BotReply => Act::new("message", "bot"),
            // Helpdesks send either; the contract accepts both.
            StoryStep::Solve if self.chance.happens(0.1) => Act::new("status_changed", "agent"),
            StoryStep::Solve => Act::new("solved", "agent"),
            StoryStep::BotSolve => Act::new("solved", "bot"),
            StoryStep::GiveUp => Act::new("solved", "system"),
            StoryStep::Triage if self.chance.happens(TOGETHER) => Act::new("updated", "agent"),
            StoryStep::Triage | StoryStep::Transfer => Act::new("team_changed", "agent"),
            StoryStep::Assign => Act::new("agent_changed", "agent"),
            StoryStep::Reprioritize => Act::new("priority_changed", "agent"),
            StoryStep::Update => Act::new("updated", "agent"),
            StoryStep::Answer | StoryStep::Chase | StoryStep::Thank | StoryStep::Complain => {
                Act::new("message", "customer")
            }
            StoryStep::Note => Act {
                public: false,
                ..Act::new("message", "agent")
            },
            StoryStep::Reply => Act::new("message", "agent"),
            StoryStep::Book => Act::new("worklog", "agent"),
            StoryStep::Ask | StoryStep::Hold | StoryStep::Resume => {
                Act::new("status_changed", "agent")
            }
            StoryStep::Reactivate => Act::new("status_changed", "system"),
            StoryStep::Escalate => Act::new("escalated", "agent"),
            StoryStep::OfferCsat => Act::new("csat_offered", "system"),
            StoryStep::RateCsat | StoryStep::ChangeRating => Act::new("csat_rated", "customer"),
            StoryStep::Reopen => Act::new("reopened", "system"),
            StoryStep::Close => Act::new("closed", "system"),
            StoryStep::Merge => Act {
                into: match ticket.fate {
                    TicketFate::Merged(survivor) => Some(survivor),
                    TicketFate::Worked | TicketFate::Spam | TicketFate::Deleted => None,
                },
                ..Act::new("merged", "agent")
            },
            StoryStep::Spam => Act::new("spam", "system"),
            StoryStep::Delete => Act::new("deleted", "agent"),
            StoryStep::Undelete => Act::new("undeleted", "agent"),
        }
    }
}
