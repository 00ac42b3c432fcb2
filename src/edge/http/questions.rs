//! Questions that only the owner of the tickets can answer: they wait here until it looks, which
//! it does with each checkpoint. While nobody asks, nothing is computed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::engine::{GoalList, GoalQuery};

/// Questions that may wait together. Each takes some 25 ms of a checkpoint for a million open
/// tickets, so many more would be felt by the reading.
const MAX_WAITING: usize = 8;

/// A question, and who wants to know.
#[derive(Debug)]
pub struct Question {
    query: GoalQuery,
    asker: oneshot::Sender<GoalList>,
}

impl Question {
    pub fn query(&self) -> &GoalQuery {
        &self.query
    }

    /// The answer, which is not sent yet.
    pub fn answer(self, list: GoalList) -> Answer {
        Answer {
            list,
            asker: self.asker,
        }
    }
}

/// An answer that waits until what it says is durable. Dropped, it is the news that there is none.
#[derive(Debug)]
pub struct Answer {
    list: GoalList,
    asker: oneshot::Sender<GoalList>,
}

impl Answer {
    pub fn send(self) {
        // Who does not wait any more has said so by leaving.
        let _ = self.asker.send(self.list);
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Questions(Mutex<Vec<Question>>);

impl Questions {
    /// Asks. The receiver gets an error where there will be no answer. `None`: too many wait.
    pub(super) fn ask(&self, query: GoalQuery) -> Option<oneshot::Receiver<GoalList>> {
        let mut waiting = self.lock();
        waiting.retain(|question| !question.asker.is_closed());
        if waiting.len() >= MAX_WAITING {
            return None;
        }
        let (asker, answer) = oneshot::channel();
        waiting.push(Question { query, asker });
        Some(answer)
    }

    /// Takes the questions that somebody still waits for.
    pub fn take(&self) -> Vec<Question> {
        let mut taken = std::mem::take(&mut *self.lock());
        taken.retain(|question| !question.asker.is_closed());
        taken
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Question>> {
        // A list of questions has no broken state.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_when_it_is_sent_and_its_loss_is_noticed() {
        let questions = Questions::default();
        let mut first = questions.ask(GoalQuery::default()).unwrap();
        let mut second = questions.ask(GoalQuery::default()).unwrap();
        let mut answers: Vec<Answer> = questions
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
    fn those_who_left_make_room() {
        let questions = Questions::default();
        let mut waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| questions.ask(GoalQuery::default()).unwrap())
            .collect();
        assert!(questions.ask(GoalQuery::default()).is_none());
        waiting.pop();
        assert!(questions.ask(GoalQuery::default()).is_some());
        assert_eq!(
            questions.take().len(),
            MAX_WAITING - 1,
            "the last one left too"
        );
    }
}
