//! Whether the exporter is ready, and if not, why. A component holds a latch with a reason; the
//! exporter is ready when no component holds one. Remarks inform the reader and do not affect
//! readiness.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Clones share the same state.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    state: Arc<Mutex<ReadinessState>>,
}

#[derive(Debug, Default)]
struct ReadinessState {
    next: u64,
    /// Oldest first.
    reasons: BTreeMap<u64, String>,
    /// By subject.
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

    /// Why the exporter is not ready: the oldest reason first, each once. Empty if it is ready.
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

    /// Replaces the remark on a subject; `None` removes it.
    pub fn remark(&self, subject: &str, text: Option<String>) {
        let remarks = &mut self.lock().remarks;
        match text {
            Some(text) => remarks.insert(subject.to_owned(), text),
            None => remarks.remove(subject),
        };
    }

    pub fn remarks(&self) -> Vec<String> {
        self.lock().remarks.values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, ReadinessState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reason not to be ready, until it is dropped.
#[derive(Debug)]
#[must_use = "a latch that is dropped is released"]
pub struct Latch {
    readiness: Readiness,
    key: u64,
}

impl Latch {
    pub fn set_reason(&self, reason: impl Into<String>) {
        self.readiness
            .lock()
            .reasons
            .insert(self.key, reason.into());
    }

    /// The same as dropping it.
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
    fn ready_when_no_latch_is_held() {
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
