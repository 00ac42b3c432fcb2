//! Mappings, as the configuration describes them.

mod digest;
mod lookup_table;
mod path;
mod rules;
mod value;
mod word_map;

pub use digest::digest;
pub use lookup_table::{LookupTable, LookupTableFile};
pub use path::{
    ItemChoice, ItemCondition, ItemPick, PathRoot, PathStep, RecordPath, RecordPathError,
};
pub use rules::{Mapping, Mappings, Member, Rule, UnwrapStep};
pub use value::{Condition, Refined, TemplatePart, TimeFormat, Unmapped, ValueSource, ValueTest};
pub use word_map::{WordMap, lower_case, same_word};
