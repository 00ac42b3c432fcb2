//! The same state under other rules, without a store in between: what a restart would read is handed
//! over record by record. So a change of the rules while the exporter runs is that of a restart.

use std::sync::Arc;

use super::rules::StoredRules;
use super::{
    Change, Records, Restored, Restoring, RewriteCursor, STATE_VERSION, StateError, rules,
};
use crate::engine::core::Engine;
use crate::engine::rules::Rules;

impl Rules {
    /// Why numbers counted under these rules cannot go on under others, in words; none: they can.
    pub fn breaks(&self, others: &Self) -> Vec<String> {
        self.compared(|these| these.breaks(others))
    }

    /// Why the same records count as something else under other rules, in words; none: they do not.
    pub fn recounts(&self, others: &Self) -> Vec<String> {
        self.compared(|these| these.recounts(others))
    }

    /// Compares these rules as a store would hold them.
    fn compared(&self, compare: impl FnOnce(&StoredRules) -> Vec<Change>) -> Vec<String> {
        let mut written = super::bytes::Writer::default();
        rules::write(&mut written, self);
        match rules::read(super::bytes::Reader::new(written.bytes())) {
            Ok(these) => compare(&these).iter().map(ToString::to_string).collect(),
            Err(wrong) => vec![wrong.to_string()],
        }
    }
}

impl Engine {
    /// What a restart under other rules would give, read from records of all that is here. This
    /// engine stays as it is, and both are in memory until one of them goes.
    ///
    /// To be called where the last checkpoint holds everything: from here on the new engine tells
    /// what changes, and what changed before is in no record of its.
    ///
    /// # Errors
    /// [`StateError::NeedsRebuild`] where the numbers cannot follow.
    pub fn under(&mut self, rules: Arc<Rules>) -> Result<Restored, StateError> {
        self.recorder.windows.advance(self.clock());
        let mut handed = Handed {
            restoring: Restoring::new(rules, STATE_VERSION)?,
            wrong: None,
        };
        self.write_slice(&mut RewriteCursor::default(), usize::MAX, &mut handed);
        match handed.wrong {
            Some(wrong) => Err(wrong),
            None => handed.restoring.finish(),
        }
    }
}

/// Records on their way from one engine to the other.
struct Handed {
    restoring: Restoring,
    wrong: Option<StateError>,
}

impl Handed {
    fn take(&mut self, key: &[u8], value: Option<&[u8]>) {
        if self.wrong.is_none() {
            self.wrong = self.restoring.apply(key, value).err();
        }
    }
}

impl Records for Handed {
    fn put(&mut self, key: &[u8], value: &[u8]) {
        self.take(key, Some(value));
    }

    fn delete(&mut self, key: &[u8]) {
        self.take(key, None);
    }
}
