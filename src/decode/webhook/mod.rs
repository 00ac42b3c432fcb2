//! From a webhook request to the records of a topic: who sent it, what its body holds, and the key of each
//! record.

mod authenticate;
mod body;
mod key;
#[cfg(test)]
mod tests;

pub use authenticate::{AuthenticationRefusal, HookRequest, authenticate};
pub use body::{BodyFormat, BodyRefusal, expand, split};
pub use key::RecordKeys;
