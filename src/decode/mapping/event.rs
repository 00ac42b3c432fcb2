//! Makes the canonical event of a rule, or gives the reason why it cannot be made.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::evaluate::{Evaluation, EvaluationNotes, FoundValue, find_word};
use super::outcome::{EventDerivation, MappedMember, MemberOrigin, RejectedEvent, UnmappedWord};
use super::scalar::Scalar;
use super::times;
use crate::decode::canonical::{handle, identity_of_id, rating};
use crate::decode::json_members::MAX_NAME_BYTES;
use crate::decode::rejection::{Rejection, TimeFault};
use crate::domain::event::{Actor, Event, EventIdentity, EventType, StatedAttribute, Status};
use crate::domain::mapping::{Member, Rule, ValueSource};
use crate::domain::timestamp::Timestamp;

/// Side results of making an event.
#[derive(Debug, Default)]
pub(super) struct EventNotes {
    pub(super) unmapped: Vec<UnmappedWord>,
    /// Present if the caller asked for it.
    pub(super) derivation: Option<EventDerivation>,
}

/// `identity` is for an event without an `event_id`.
pub(super) fn event<'s>(
    rule: &'s Rule,
    evaluation: &mut Evaluation<'s, '_>,
    identity: EventIdentity,
    notes: &mut EventNotes,
) -> Result<Event<'static>, RejectedEvent> {
    let mut reader = MemberReader {
        rule,
        evaluation,
        notes,
    };
    let ticket_id = reader
        .text(Member::TicketId, Rejection::InvalidTicketId)?
        .ok_or_else(|| reader.rejected(Member::TicketId, Rejection::MissingTicketId))?;
    let (kind, implied) = reader.kind()?;
    let at = reader
        .time(Member::At, Rejection::InvalidAt)?
        .ok_or_else(|| reader.rejected(Member::At, Rejection::MissingAt))?;
    let identity = match reader.member(Member::EventId, any)? {
        Some(id) => {
            let id = id.into_text();
            if let Some(derivation) = &mut reader.notes.derivation {
                derivation.event_id = Some(id.clone().into_owned());
            }
            identity_of_id(&id)
        }
        None => identity,
    };
    let mut event = Event::new(ticket_id, kind, at, identity);
    event.created_at = reader.time(Member::CreatedAt, Rejection::InvalidCreatedAt)?;
    let team = reader.attribute(Member::Team, Rejection::InvalidTeam)?;
    event.team = team.map(|team| Some(team).filter(|team| !team.is_empty()));
    event.assigned = match reader.member(Member::Agent, any)? {
        Some(_) => Some(true),
        None => reader.is_empty().then_some(false),
    };
    event.priority = reader.attribute(Member::Priority, Rejection::InvalidPriority)?;
    event.status = implied.or(reader.word(Member::Status, |word| {
        find_word(word, &Status::ALL, Status::name)
    })?);
    event.channel = reader.attribute(Member::Channel, Rejection::InvalidChannel)?;
    event.actor = reader.word(Member::Actor, |word| {
        find_word(word, &Actor::ALL, Actor::name)
    })?;
    for (name, value) in &rule.attributes {
        let found = reader.attribute_value(name, value)?;
        event.attributes.extend(found.map(|value| StatedAttribute {
            name: Cow::Owned(name.clone()),
            value: Some(value).filter(|value| !value.is_empty()),
        }));
    }
    event.requester = reader.text(Member::Requester, Rejection::InvalidRequester)?;
    event.author = reader.text(Member::Author, Rejection::InvalidAuthor)?;
    event.public = reader.word(Member::Public, truth)?.unwrap_or(true);
    let seconds = reader.number(Member::HandleSeconds, Rejection::InvalidHandleSeconds)?;
    event.handle = handle(kind, seconds)
        .map_err(|rejection| reader.rejected(Member::HandleSeconds, rejection))?;
    let score = reader.number(Member::Score, Rejection::InvalidScore)?;
    let most = reader.number(Member::ScoreMax, Rejection::InvalidScore)?;
    event.rating =
        rating(kind, score, most).map_err(|rejection| reader.rejected(Member::Score, rejection))?;
    event.into = reader.text(Member::Into, Rejection::InvalidInto)?;
    Ok(event)
}

struct MemberReader<'r, 's, 'a, 'e> {
    rule: &'s Rule,
    evaluation: &'e mut Evaluation<'s, 'a>,
    notes: &'r mut EventNotes,
}

fn truth(word: &str) -> Option<bool> {
    let is = |words: [&str; 3]| words.iter().any(|one| word.eq_ignore_ascii_case(one));
    if is(["true", "1", "yes"]) {
        Some(true)
    } else if is(["false", "0", "no"]) {
        Some(false)
    } else {
        None
    }
}

fn any<'s>(found: &FoundValue<'s>) -> Option<Scalar<'s>> {
    Some(found.scalar.clone())
}

impl<'s> MemberReader<'_, 's, '_, '_> {
    /// The first value of a member that `accept` takes.
    fn member<T>(
        &mut self,
        member: Member,
        accept: impl Fn(&FoundValue<'s>) -> Option<T>,
    ) -> Result<Option<T>, RejectedEvent> {
        match self.rule.member(member) {
            Some(value) => self.value(Stated::member(member, value), accept),
            None => {
                self.evaluation.notes = EvaluationNotes::default();
                Ok(None)
            }
        }
    }

    fn value<T>(
        &mut self,
        stated: Stated<'s>,
        accept: impl Fn(&FoundValue<'s>) -> Option<T>,
    ) -> Result<Option<T>, RejectedEvent> {
        self.evaluation.notes = EvaluationNotes::default();
        self.evaluation.unmapped = stated.member.unmapped();
        let notes = &self.evaluation.notes;
        let mut accepted = None;
        let _ = self
            .evaluation
            .each(stated.value, &mut |found| match accept(&found) {
                Some(value) => {
                    accepted = Some((value, found.from));
                    ControlFlow::Break(())
                }
                None => {
                    notes.unmapped(found.from, found.scalar.into_text());
                    ControlFlow::Continue(())
                }
            });
        let unmapped = self.evaluation.notes.unmapped.take();
        if let Some((path, word)) = unmapped {
            // A later value may have replaced the word. Then it is not reported.
            let is_passed = accepted.as_ref().is_some_and(|(_, from)| *from == path);
            if accepted.is_none() || is_passed {
                self.notes.unmapped.push(UnmappedWord {
                    rule: self.rule.name.clone(),
                    member: stated.name(),
                    path: path.to_owned(),
                    word: word.into_owned(),
                });
            }
        }
        if self.evaluation.notes.rejects.get() {
            return Err(self.rejected_value(stated, invalid(stated.member)));
        }
        if let (Some(derivation), Some((_, from))) = (&mut self.notes.derivation, &accepted) {
            derivation.origins.push(MemberOrigin {
                member: stated.name(),
                from: (*from).to_owned(),
            });
        }
        Ok(accepted.map(|(value, _)| value))
    }

    /// Whether the record says that the last member has no value.
    fn is_empty(&self) -> bool {
        self.evaluation.notes.empty.get()
    }

    fn text(
        &mut self,
        member: Member,
        wrong: Rejection,
    ) -> Result<Option<Cow<'static, str>>, RejectedEvent> {
        match self.member(member, any)? {
            None => Ok(None),
            Some(scalar) => {
                let text = scalar.into_text();
                if text.is_empty() || text.len() > MAX_NAME_BYTES {
                    return Err(self.rejected(member, wrong));
                }
                Ok(Some(Cow::Owned(text.into_owned())))
            }
        }
    }

    /// An attribute that a ticket may lack. An empty text: the ticket has none.
    fn attribute(
        &mut self,
        member: Member,
        wrong: Rejection,
    ) -> Result<Option<Cow<'static, str>>, RejectedEvent> {
        let text = self.text(member, wrong)?;
        Ok(text.or_else(|| self.is_empty().then(Cow::default)))
    }

    /// The value of one of the user's own attributes. An empty text: the ticket has none.
    fn attribute_value(
        &mut self,
        name: &'s str,
        value: &'s ValueSource,
    ) -> Result<Option<Cow<'static, str>>, RejectedEvent> {
        let stated = Stated {
            attribute: Some(name),
            ..Stated::member(Member::Attributes, value)
        };
        match self.value(stated, any)?.map(Scalar::into_text) {
            Some(text) if text.len() > MAX_NAME_BYTES => {
                Err(self.rejected_value(stated, Rejection::InvalidAttributes))
            }
            Some(text) => Ok(Some(Cow::Owned(text.into_owned()))),
            None => Ok(self.is_empty().then(Cow::default)),
        }
    }

    fn time(
        &mut self,
        member: Member,
        wrong: fn(TimeFault) -> Rejection,
    ) -> Result<Option<Timestamp>, RejectedEvent> {
        let Some(scalar) = self.member(member, any)? else {
            return Ok(None);
        };
        let time = times::read(&scalar, None, self.evaluation.zone, None);
        time.map(Some)
            .map_err(|fault| self.rejected(member, wrong(fault)))
    }

    fn number(&mut self, member: Member, wrong: Rejection) -> Result<Option<f64>, RejectedEvent> {
        match self.member(member, any)? {
            None => Ok(None),
            Some(scalar) => match scalar.number() {
                Some(number) => Ok(Some(number)),
                None => Err(self.rejected(member, wrong)),
            },
        }
    }

    /// A word from the fixed list of a member.
    fn word<T>(
        &mut self,
        member: Member,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, RejectedEvent> {
        self.member(member, |found| read(&found.scalar.clone().into_text()))
    }

    fn kind(&mut self) -> Result<(EventType, Option<Status>), RejectedEvent> {
        let unmapped = self.notes.unmapped.len();
        let kind = self.word(Member::Type, |word| {
            let known = find_word(word, &EventType::NAMES, |name| name)?;
            EventType::from_word(known)
        })?;
        let missing = if self.notes.unmapped.len() > unmapped {
            Rejection::UnknownType
        } else {
            Rejection::MissingType
        };
        kind.ok_or_else(|| self.rejected(Member::Type, missing))
    }

    fn rejected(&self, member: Member, rejection: Rejection) -> RejectedEvent {
        RejectedEvent {
            rule: self.rule.name.clone(),
            member: member.into(),
            rejection,
            paths: self.rule.member(member).map_or(String::new(), paths),
        }
    }

    fn rejected_value(&self, stated: Stated<'_>, rejection: Rejection) -> RejectedEvent {
        RejectedEvent {
            rule: self.rule.name.clone(),
            member: stated.name(),
            rejection,
            paths: paths(stated.value),
        }
    }
}

fn paths(value: &ValueSource) -> String {
    value.paths().join(", ")
}

/// A value that a rule states, and for what.
#[derive(Clone, Copy)]
struct Stated<'s> {
    member: Member,
    /// The name, if it is one of the user's own attributes.
    attribute: Option<&'s str>,
    value: &'s ValueSource,
}

impl<'s> Stated<'s> {
    fn member(member: Member, value: &'s ValueSource) -> Self {
        Self {
            member,
            attribute: None,
            value,
        }
    }

    fn name(self) -> MappedMember {
        MappedMember {
            member: self.member,
            attribute: self.attribute.map(str::to_owned),
        }
    }
}

/// The rejection for an unmapped word.
fn invalid(member: Member) -> Rejection {
    match member {
        Member::TicketId => Rejection::InvalidTicketId,
        Member::Type => Rejection::UnknownType,
        Member::At => Rejection::InvalidAt(TimeFault::NoTime),
        Member::EventId => Rejection::InvalidEventId,
        Member::CreatedAt => Rejection::InvalidCreatedAt(TimeFault::NoTime),
        Member::Team => Rejection::InvalidTeam,
        Member::Agent => Rejection::InvalidAgent,
        Member::Priority => Rejection::InvalidPriority,
        Member::Status => Rejection::InvalidStatus,
        Member::Channel => Rejection::InvalidChannel,
        Member::Actor => Rejection::InvalidActor,
        Member::Attributes => Rejection::InvalidAttributes,
        Member::Requester => Rejection::InvalidRequester,
        Member::Author => Rejection::InvalidAuthor,
        Member::Public => Rejection::InvalidPublic,
        Member::HandleSeconds => Rejection::InvalidHandleSeconds,
        Member::Score | Member::ScoreMax => Rejection::InvalidScore,
        Member::Into => Rejection::InvalidInto,
    }
}
