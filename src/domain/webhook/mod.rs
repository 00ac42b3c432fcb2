//! Webhooks: how a request proves who sent it, and how the known senders do that. `config` reads it and
//! `decode` checks requests against it.

mod authentication;
mod senders;

pub use authentication::{
    HmacAlgorithm, HookAuthentication, SignatureEncoding, SignatureScheme, SignedPart,
    SignedTemplateError, SignedTime,
};
pub use senders::{DEFAULT_TOLERANCE, SenderProof, WEBHOOK_SENDERS, WebhookSender};
