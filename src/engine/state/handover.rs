//! The same state under other rules, without a store: one engine passes its records to the next. So a
//! change of the rules in a running exporter has the same effect as a restart.

use std::sync::Arc;

use super::bytes::{RecordReader, RecordWriter};
use super::record::{Records, RulesChange, STATE_VERSION, StateError};
use super::restore::{RestoredEngine, Restorer};
use super::rules;
use super::rules::StoredRules;
use super::write::RewriteCursor;
use crate::engine::core::Engine;
use crate::engine::rules::Rules;

impl Rules {
    /// The reasons why numbers counted under these rules cannot continue under others, in words.
    pub fn breaks(&self, others: &Self) -> Vec<String> {
        self.compared(|these| these.breaks(others))
    }

    /// The reasons why the same records would give other numbers under other rules, in words.
    pub fn recounts(&self, others: &Self) -> Vec<String> {
        self.compared(|these| these.recounts(others))
    }

    /// Compares these rules in their stored form.
    fn compared(&self, compare: impl FnOnce(&StoredRules) -> Vec<RulesChange>) -> Vec<String> {
        let mut written = RecordWriter::default();
        rules::write(&mut written, self);
        match rules::read(STATE_VERSION, RecordReader::new(written.bytes())) {
            Ok(these) => compare(&these).iter().map(ToString::to_string).collect(),
            Err(error) => vec![error.to_string()],
        }
    }
}

impl Engine {
    /// The engine that a restart under other rules would give. This engine stays as it is, so both
    /// are in memory until one is dropped.
    ///
    /// Call this only after a complete checkpoint: the new engine tracks only its own changes.
    ///
    /// # Errors
    /// [`StateError::NeedsRebuild`]: the numbers cannot continue under the other rules.
    pub fn under(&mut self, rules: Arc<Rules>) -> Result<RestoredEngine, StateError> {
        self.recorder.windows.advance(self.clock());
        let mut handover = Handover {
            restorer: Restorer::new(rules, STATE_VERSION)?,
            error: None,
        };
        self.write_slice(&mut RewriteCursor::default(), usize::MAX, &mut handover);
        match handover.error {
            Some(error) => Err(error),
            None => handover.restorer.finish(),
        }
    }
}

/// Passes the records of one engine to the restorer of the next.
struct Handover {
    restorer: Restorer,
    error: Option<StateError>,
}

impl Handover {
    fn take(&mut self, key: &[u8], value: Option<&[u8]>) {
        if self.error.is_none() {
            self.error = self.restorer.apply(key, value).err();
        }
    }
}

impl Records for Handover {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        self.take(key, Some(value));
    }

    fn delete(&mut self, key: &[u8]) {
        self.take(key, None);
    }
}
