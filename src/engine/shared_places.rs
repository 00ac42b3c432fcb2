//! Places under the limits of labels that several shards share. Whichever shard sees a value first takes a
//! place for all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use compact_str::CompactString;
use hashbrown::HashMap;

/// The places of one label.
#[derive(Clone, Debug, Default)]
pub struct SharedPlaces(Arc<RwLock<Places>>);

#[derive(Debug, Default)]
struct Places {
    /// Whether a value has a place. Other values may still get one.
    values: HashMap<CompactString, bool>,
    taken: usize,
}

impl Places {
    fn set(&mut self, value: &str, has_place: bool) {
        let known = self.values.insert(value.into(), has_place);
        self.taken += usize::from(has_place);
        self.taken -= usize::from(known == Some(true));
    }
}

impl SharedPlaces {
    /// Notes the decision that a shard has made before it shared its places. A place is kept.
    pub fn note(&self, value: &str, has_place: bool) {
        let mut places = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if has_place || !places.values.contains_key(value) {
            places.set(value, has_place);
        }
    }

    /// Whether a value has one of `limit` places. It takes one if there is any. `is_final`: a refusal holds for
    /// all shards and for good.
    pub fn take(&self, value: &str, limit: usize, is_final: bool) -> bool {
        let places = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match places.values.get(value) {
            Some(has_place) => return *has_place,
            None if places.taken >= limit && !is_final => return false,
            None => {}
        }
        drop(places);
        let mut places = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(has_place) = places.values.get(value) {
            return *has_place;
        }
        let has_place = places.taken < limit;
        if has_place || is_final {
            places.set(value, has_place);
        }
        has_place
    }
}

/// The places of all labels and of the combinations of labels.
#[derive(Clone, Debug, Default)]
pub struct SharedLimits {
    pub(super) teams: SharedPlaces,
    pub(super) priorities: SharedPlaces,
    pub(super) channels: SharedPlaces,
    pub(super) attributes: Arc<RwLock<BTreeMap<CompactString, SharedPlaces>>>,
    pub(super) cohorts: SharedPlaces,
}

impl SharedLimits {
    /// The places of one of the user's own attributes.
    pub(super) fn attribute(&self, name: &CompactString) -> SharedPlaces {
        let mut attributes = self
            .attributes
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        attributes.entry(name.clone()).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_belongs_to_the_value_in_every_shard() {
        let one = SharedPlaces::default();
        let other = one.clone();
        assert!(one.take("a", 2, false));
        assert!(other.take("b", 2, false) && other.take("a", 2, false));
        assert!(!one.take("c", 2, false) && !other.take("d", 2, true));
        assert!(one.take("c", 3, false), "a later limit has room");
        assert!(!one.take("d", 9, false), "a final refusal");
    }

    #[test]
    fn places_of_before_are_kept_even_beyond_the_limit() {
        let places = SharedPlaces::default();
        for (value, has_place) in [("a", true), ("a", false), ("b", false), ("b", true)] {
            places.note(value, has_place);
        }
        assert!(places.take("a", 0, false) && places.take("b", 0, false));
        assert!(!places.take("c", 2, false));
        assert!(places.take("c", 3, false));
    }
}
