//! Questions about tickets. Only the ingest thread has the tickets: it takes the waiting questions
//! with each checkpoint.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::engine::{GoalList, GoalQuery};

/// Questions that may wait at the same time. Each takes some 25 ms of a checkpoint for a million open
/// tickets; many more would delay the ingest thread.
const MAX_WAITING: usize = 8;

#[derive(Debug)]
pub struct TicketQuestion {
    query: GoalQuery,
    asker: oneshot::Sender<GoalList>,
}

impl TicketQuestion {
    pub fn query(&self) -> &GoalQuery {
        &self.query
    }

    /// The answer, to be sent later.
    pub fn answer(self, list: GoalList) -> TicketAnswer {
        TicketAnswer {
            list,
            asker: self.asker,
        }
    }
}

/// An answer that is sent once its state is durable. Dropping it tells the receiver that there is no
/// answer.
#[derive(Debug)]
pub struct TicketAnswer {
    list: GoalList,
    asker: oneshot::Sender<GoalList>,
}

impl TicketAnswer {
    pub fn send(self) {
        // The receiver may have been dropped; that is fine.
        let _ = self.asker.send(self.list);
    }
}

#[derive(Debug, Default)]
pub struct TicketQuestions(Mutex<Vec<TicketQuestion>>);

impl TicketQuestions {
    /// Adds a question. The receiver gets an error if there will be no answer. `None`: too many
    /// questions wait.
    pub(super) fn ask(&self, query: GoalQuery) -> Option<oneshot::Receiver<GoalList>> {
        let mut waiting = self.lock();
        waiting.retain(|question| !question.asker.is_closed());
        if waiting.len() >= MAX_WAITING {
            return None;
        }
        let (asker, answer) = oneshot::channel();
        waiting.push(TicketQuestion { query, asker });
        Some(answer)
    }

    /// Takes the questions whose receivers still wait.
    pub fn take(&self) -> Vec<TicketQuestion> {
        let mut taken = std::mem::take(&mut *self.lock());
        taken.retain(|question| !question.asker.is_closed());
        taken
    }

    fn lock(&self) -> MutexGuard<'_, Vec<TicketQuestion>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_arrives_when_it_is_sent_and_a_dropped_one_is_an_error() {
        let questions = TicketQuestions::default();
        let mut first = questions.ask(GoalQuery::default()).unwrap();
        let mut second = questions.ask(GoalQuery::default()).unwrap();
        let mut answers: Vec<TicketAnswer> = questions
            .take()
            .into_iter()
            .map(|question| question.answer(GoalList::default()))
            .collect();
        assert!(first.try_recv().is_err(), "not sent yet");
        drop(answers.pop());
        answers.pop().unwrap().send();
        assert_eq!(first.try_recv(), Ok(GoalList::default()));
        assert_eq!(second.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        assert!(questions.take().is_empty());
    }

    #[test]
    fn questions_without_a_receiver_make_room() {
        let questions = TicketQuestions::default();
        let mut waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| questions.ask(GoalQuery::default()).unwrap())
            .collect();
        assert!(questions.ask(GoalQuery::default()).is_none());
        waiting.pop();
        assert!(questions.ask(GoalQuery::default()).is_some());
        assert_eq!(
            questions.take().len(),
            MAX_WAITING - 1,
            "the last receiver is gone, too"
        );
    }
}
