//! From a request to the records to write.

use axum::body::Bytes;

use super::answer::HookRefusal;
use super::hooks::LiveHook;
use crate::decode::webhook::{BodyFormat, HookRequest, authenticate, expand, split};
use crate::domain::timestamp::Timestamp;

/// The parts of a request that its records depend on.
#[derive(Debug)]
pub(super) struct HookHead {
    pub(super) method: String,
    /// With the query.
    pub(super) url: String,
    /// With names in lower case.
    pub(super) headers: Vec<(String, Vec<u8>)>,
}

/// How the body is to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyForm {
    pub(super) format: BodyFormat,
    pub(super) is_gzip: bool,
}

/// A record, without the headers that all records of a request share.
#[derive(Debug)]
pub(super) struct PreparedRecord {
    pub(super) key: Option<String>,
    pub(super) value: Bytes,
}

impl HookHead {
    pub(super) fn headers(&self) -> Vec<(&str, &[u8])> {
        let headers = self.headers.iter();
        headers
            .map(|(name, value)| (name.as_str(), value.as_slice()))
            .collect()
    }

    /// Checks the proof of the sender.
    pub(super) fn check(
        &self,
        hook: &LiveHook,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), HookRefusal> {
        let request = HookRequest {
            method: &self.method,
            url: &self.url,
            headers: &self.headers(),
            body,
        };
        let authentication = &hook.settings.authentication;
        Ok(authenticate(
            authentication,
            &hook.secrets(),
            &request,
            now,
        )?)
    }

    /// The records of a body whose sender is known.
    pub(super) fn records(
        &self,
        hook: &LiveHook,
        form: BodyForm,
        body: Bytes,
        received: Timestamp,
    ) -> Result<Vec<PreparedRecord>, HookRefusal> {
        let body = if form.is_gzip {
            expand(&body, hook.settings.max_expanded_bytes)?.into()
        } else {
            body
        };
        let headers = self.headers();
        let prepared = split(&body, form.format)?.into_iter().map(|value| {
            let key = hook.keys.key(value, &headers, received);
            let value = body.slice_ref(value);
            PreparedRecord { key, value }
        });
        Ok(prepared.collect())
    }
}
