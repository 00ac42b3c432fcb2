//! The values of a ticket's attributes.

use super::profile::{MOST_ATTRIBUTES, SimulatedAttribute};
use super::story::Storyteller;
use super::ticket::SimulatedTicket;

impl Storyteller {
    /// The values that a new ticket states.
    pub(super) fn first_attributes(&mut self) -> [Option<u16>; MOST_ATTRIBUTES] {
        let mut values = [None; MOST_ATTRIBUTES];
        for (place, attribute) in values.iter_mut().zip(&self.profile.attributes) {
            let value = self.attribute_chance.pick(weights(attribute));
            let is_known = !self.attribute_chance.happens(attribute.unknown);
            *place = value.filter(|_| is_known);
        }
        values
    }

    /// An agent puts the ticket into other classes. An attribute that is always known, such as the customer's
    /// tier, does not change.
    pub(super) fn classify(&mut self, ticket: &mut SimulatedTicket) {
        for (place, attribute) in ticket.attributes.iter_mut().zip(&self.profile.attributes) {
            if attribute.unknown > 0.0 {
                *place = self.attribute_chance.pick(weights(attribute)).or(*place);
            }
        }
    }
}

fn weights(attribute: &SimulatedAttribute) -> impl Iterator<Item = f64> + Clone {
    attribute.values.iter().map(|(_, weight)| *weight)
}
