//! Gives a client its OAUTHBEARER token. The safe bindings do not accept extensions.

use std::collections::BTreeMap;
use std::ffi::{CString, c_char};

use rdkafka::bindings as native;
use rdkafka::client::{Client, ClientContext};

/// Room for the library's reason why it rejects a token.
const REASON_SIZE: usize = 512;

pub(crate) struct Token {
    pub(crate) text: String,
    /// When it expires, in milliseconds since the epoch.
    pub(crate) expires: i64,
    pub(crate) principal: String,
}

/// Why a client rejects a token. It does not contain the token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenRejection {
    #[error("it contains a zero byte")]
    ZeroByte,
    #[error("{0}")]
    Client(String),
}

/// # Errors
/// The reason why the client rejects the token.
pub(crate) fn set_token<C: ClientContext>(
    client: &Client<C>,
    token: &Token,
    extensions: &BTreeMap<String, String>,
) -> Result<(), TokenRejection> {
    let c_text = |text: &str| CString::new(text).map_err(|_| TokenRejection::ZeroByte);
    let text = c_text(&token.text)?;
    let principal = c_text(&token.principal)?;
    let mut pairs = Vec::new();
    for (name, value) in extensions {
        pairs.push(c_text(name)?);
        pairs.push(c_text(value)?);
    }
    let mut pointers: Vec<*const c_char> = pairs.iter().map(|pair| pair.as_ptr()).collect();
    let mut reason = [0_u8; REASON_SIZE];
    // SAFETY: the client's pointer is valid while the client is borrowed. The library copies the data
    // behind the other pointers and writes a text that ends with a zero byte into `reason`.
    let code = unsafe {
        native::rd_kafka_oauthbearer_set_token(
            client.native_ptr(),
            text.as_ptr(),
            token.expires,
            principal.as_ptr(),
            pointers.as_mut_ptr(),
            pointers.len(),
            reason.as_mut_ptr().cast::<c_char>(),
            reason.len(),
        )
    };
    if code == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(());
    }
    let end = reason.iter().position(|byte| *byte == 0);
    let reason = String::from_utf8_lossy(&reason[..end.unwrap_or_default()]);
    Err(TokenRejection::Client(reason.replace(&token.text, "…")))
}
