//! Whether the exporter is ready, and if not, why. A component holds a latch with a reason and
//! releases it; the exporter is ready when no latch is held. Remarks tell a person more; they do
//! not change whether the exporter is ready.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The latches held. Clones are the same readiness.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// By age, so that reasons keep their order.
    reasons: BTreeMap<u64, String>,
    /// By what they are about.
    remarks: BTreeMap<String, String>,
}

impl Readiness {
    /// Makes the exporter not ready, for `reason`, until the latch is released or dropped.
    pub fn hold(&self, reason: impl Into<String>) -> Latch {
        let mut state = self.lock();
        let key = state.next;
        state.next += 1;
        state.reasons.insert(key, reason.into());
        Latch {
            readiness: self.clone(),
            key,
        }
    }

    /// Why the exporter is not ready, oldest reason first, each once; empty when it is.
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<String> = Vec::new();
        for reason in self.lock().reasons.values() {
            if !reasons.contains(reason) {
                reasons.push(reason.clone());
            }
        }
        reasons
    }

    pub fn is_ready(&self) -> bool {
        self.lock().reasons.is_empty()
    }

    /// Says something about a subject in place of what was said of it before; `None`: nothing more.
    pub fn remark(&self, subject: &str, text: Option<String>) {
        let remarks = &mut self.lock().remarks;
        match text {
            Some(text) => remarks.insert(subject.to_owned(), text),
            None => remarks.remove(subject),
        };
    }

    /// What a person should know, whether the exporter is ready or not.
    pub fn remarks(&self) -> Vec<String> {
        self.lock().remarks.values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, and a map of reasons has no broken state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reason not to be ready, while it lives.
#[derive(Debug)]
#[must_use = "a latch that is dropped is released"]
pub struct Latch {
    readiness: Readiness,
    key: u64,
}

impl Latch {
    /// Says the reason anew, as things move on.
    pub fn set_reason(&self, reason: impl Into<String>) {
        self.readiness
            .lock()
            .reasons
            .insert(self.key, reason.into());
    }

    /// Lets go: the same as dropping it, said aloud.
    pub fn release(self) {}
}

impl Drop for Latch {
    fn drop(&mut self) {
        self.readiness.lock().reasons.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_when_nobody_holds_a_latch() {
        let readiness = Readiness::default();
        let clone = readiness.clone();
        assert!(readiness.is_ready());
        let first = readiness.hold("restoring");
        let second = clone.hold("not caught up");
        assert_eq!(readiness.reasons(), ["restoring", "not caught up"]);
        let same = readiness.hold("restoring");
        assert_eq!(readiness.reasons(), ["restoring", "not caught up"]);
        drop(same);
        first.set_reason("restoring 7 of 9");
        assert_eq!(readiness.reasons(), ["restoring 7 of 9", "not caught up"]);
        first.release();
        assert_eq!(readiness.reasons(), ["not caught up"]);
        drop(second);
        assert!(readiness.is_ready());
    }
}
