//! The one place through which the lifecycle reports facts.

use super::account::AccountDigest;
use super::compiled_rules::CompiledRules;
use super::fact::{Fact, Observer};
use super::recorder::Recorder;
use super::ticket::Ticket;
use crate::domain::timestamp::Timestamp;

/// Passes each fact to the observer and to the recorder.
#[derive(Debug)]
pub struct FactSink<'a, O: ?Sized> {
    recorder: &'a mut Recorder,
    observer: &'a mut O,
}

impl<'a, O: Observer + ?Sized> FactSink<'a, O> {
    pub fn new(recorder: &'a mut Recorder, observer: &'a mut O) -> Self {
        Self { recorder, observer }
    }

    #[inline]
    pub fn report(&mut self, ticket: &Ticket, at: Timestamp, fact: Fact) {
        self.observer
            .fact(&self.recorder.compiled, ticket, at, fact);
        self.recorder.record(ticket, at, fact);
    }

    /// Notes that an event has set the labels of a ticket.
    pub fn take_place(&mut self, ticket: &Ticket) {
        self.recorder.take_place(ticket);
    }

    pub fn digest(&self, account: &str) -> AccountDigest {
        self.recorder.accounts.digest(account)
    }

    pub fn rules(&self) -> &CompiledRules {
        &self.recorder.compiled
    }

    /// The rules, to give numbers to new label values.
    pub fn rules_mut(&mut self) -> &mut CompiledRules {
        &mut self.recorder.compiled
    }
}
