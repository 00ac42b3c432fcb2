//! Gives a client its OAUTHBEARER token, with extensions, which the safe bindings do not take.

use std::collections::BTreeMap;
use std::ffi::{CString, c_char};

use rdkafka::bindings as native;
use rdkafka::client::{Client, ClientContext};

/// Room for the library's words about a token that it does not take.
const REASON_SIZE: usize = 512;

/// A token, as the client library wants it.
pub(in super::super) struct Token {
    pub(in super::super) text: String,
    /// When it expires, in milliseconds since the epoch.
    pub(in super::super) expires: i64,
    pub(in super::super) principal: String,
}

/// # Errors
/// Why the client does not take it. The token is not in it.
pub(in super::super) fn set_token<C: ClientContext>(
    client: &Client<C>,
    token: &Token,
    extensions: &BTreeMap<String, String>,
) -> Result<(), String> {
    let c_text = |text: &str| CString::new(text).map_err(|_| "a zero byte in it".to_owned());
    let text = c_text(&token.text)?;
    let principal = c_text(&token.principal)?;
    let mut pairs = Vec::new();
    for (name, value) in extensions {
        pairs.push(c_text(name)?);
        pairs.push(c_text(value)?);
    }
    let mut pointers: Vec<*const c_char> = pairs.iter().map(|pair| pair.as_ptr()).collect();
    let mut reason = [0_u8; REASON_SIZE];
    // SAFETY: the client's pointer is valid as long as it is borrowed; the library copies what the
    // other pointers lead to, and writes a text that ends with a zero into `reason`, within its
    // size.
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
    Err(reason.replace(&token.text, "…"))
}
