//! A record, before it is decoded.

/// A Kafka record. A record of a file has only a value.
#[derive(Clone, Debug, Default)]
pub struct Record<'a> {
    /// `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    pub key: Option<&'a [u8]>,
    pub headers: Vec<(&'a str, &'a [u8])>,
    /// Milliseconds since the epoch, as the producer or the broker set it.
    pub timestamp: Option<i64>,
    /// Empty if it is unknown.
    pub topic: &'a str,
}

impl<'a> Record<'a> {
    pub fn of(value: &'a [u8]) -> Self {
        Self {
            value: Some(value),
            ..Self::default()
        }
    }
}

/// Some Windows programs write this in front of UTF-8 text.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// JSON does not allow a byte order mark.
pub fn without_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}
