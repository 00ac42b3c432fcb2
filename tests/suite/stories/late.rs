//! Records that arrive late with an old state: repeated deliveries, withdrawals, survivors of merges.

use super::Story;
use super::dice::Dice;
use super::values::{account, channel, spelled};
use serde_json::{Map, Value, json};

impl Story<'_> {
    /// A record that arrives now and happened earlier: at, just before or just after one of the instants.
    pub(super) fn late_state(&mut self, ticket: usize, instants: &[i64], dice: &mut Dice) {
        let now = instants[instants.len() - 1];
        let kind = *dice.pick(&[
            "updated",
            "updated",
            "updated",
            "updated",
            "updated",
            "status_changed",
            "solved",
            "reopened",
            "closed",
            "message",
            "worklog",
            "created",
            "merged",
            "spam",
            "deleted",
            "undeleted",
        ]);
        let mut event = self.event_of_type(ticket, kind, instants[0], dice);
        self.attributes(&mut event, 40, dice);
        if dice.chance(30) {
            event.insert("channel".into(), channel(dice));
        }
        if dice.chance(30) {
            event.insert("requester".into(), account(dice));
        }
        self.arrive(event, earlier(instants, dice), now, dice);
        if ["spam", "deleted"].contains(&kind) && dice.chance(70) {
            let restored = self.event(ticket, "undeleted", dice);
            self.arrive(restored, earlier(instants, dice), now, dice);
        }
    }

    /// A second `merged` about the time of the first.
    pub(super) fn late_survivor(&mut self, ticket: usize, merged: i64, dice: &mut Dice) {
        let mut event = self.event(ticket, "merged", dice);
        if dice.chance(90) {
            event.insert("into".into(), self.survivor(dice));
        }
        let arrival = merged + dice.below(3 * self.pace);
        self.arrive(event, merged + dice.below(3) - 1, arrival, dice);
    }

    fn arrive(&mut self, mut event: Map<String, Value>, at: i64, arrival: i64, dice: &mut Dice) {
        event.insert("at".into(), spelled(at, dice));
        self.lines.push((arrival.max(at), json!(event).to_string()));
    }
}

fn earlier(instants: &[i64], dice: &mut Dice) -> i64 {
    dice.pick(instants) + dice.below(3) - 1
}
