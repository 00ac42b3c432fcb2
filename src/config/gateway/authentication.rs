//! Reads how the requests of a hook prove who sent them.

use super::super::keys::expected;
use super::super::problem::ConfigErrors;
use super::super::view::YamlView;
use crate::domain::timestamp::{HOUR, Milliseconds};
use crate::domain::webhook::{
    DEFAULT_TOLERANCE, HmacAlgorithm, HookAuthentication, SenderProof, SignatureEncoding,
    SignatureScheme, SignedPart, SignedTime, WEBHOOK_SENDERS, WebhookSender,
};

/// Anyone may send.
pub(super) const NONE: &str = "none";
const HMAC: &str = "hmac";
const BEARER: &str = "bearer";
const BASIC: &str = "basic";
const HEADER: &str = "header";
const GENERIC: [&str; 5] = [HMAC, BEARER, BASIC, HEADER, NONE];

/// A request that waits longer at its sender is sent with a new time.
const LONGEST_TOLERANCE: Milliseconds = HOUR;

/// `word` is the value of the key `auth`.
pub(super) fn read(
    view: &YamlView<'_>,
    word: &str,
    errors: &mut ConfigErrors,
) -> Option<HookAuthentication> {
    let sender = WebhookSender::find(word);
    if !word.is_empty() && sender.is_none() && !GENERIC.contains(&word) {
        let senders = WEBHOOK_SENDERS.iter().map(|sender| sender.name);
        let known: Vec<&str> = GENERIC.into_iter().chain(senders).collect();
        let hint = expected(word, &known);
        let key = view.key("auth");
        key.error(errors, format!("no authentication \"{word}\"; {hint}"));
        return None;
    }
    let is_basic =
        word == BASIC || sender.is_some_and(|sender| matches!(sender.proof, SenderProof::Basic));
    let allowed = [
        ("username", is_basic),
        ("header", word == HEADER),
        ("hmac", word == HMAC),
    ];
    for (name, is_allowed) in allowed {
        let key = view.key(name);
        if key.is_set() && !is_allowed && !word.is_empty() {
            key.error(
                errors,
                format!("has no effect with auth: {word}; remove it"),
            );
        }
    }
    let username = view.key("username").raw(errors);
    if is_basic && username.is_none() {
        view.error(errors, "has no username; add username");
    }
    if username.as_ref().is_some_and(|name| name.contains(':')) {
        let key = view.key("username");
        key.error(errors, "must not contain a colon");
    }
    let username = username.unwrap_or_default();
    if let Some(sender) = sender {
        return Some(sender.authentication(&username));
    }
    match word {
        NONE => {
            let key = view.key("auth");
            key.warning(
                errors,
                "everyone who reaches this address can write into the topic",
            );
            Some(HookAuthentication::None)
        }
        BEARER => Some(HookAuthentication::Bearer),
        BASIC => Some(HookAuthentication::Basic { username }),
        HEADER => Some(HookAuthentication::Header(required_header(
            view, "header", errors,
        )?)),
        HMAC => read_signature(&view.key("hmac"), errors).map(HookAuthentication::Signature),
        _ => None,
    }
}

fn read_signature(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<SignatureScheme> {
    view.entries(errors);
    let header = required_header(view, "header", errors);
    let algorithms = HmacAlgorithm::ALL.map(|one| (one.name(), one));
    let algorithm = choose(&view.key("algorithm"), &algorithms, errors);
    let encodings = SignatureEncoding::ALL.map(|one| (one.name(), one));
    let encoding = choose(&view.key("encoding"), &encodings, errors);
    let prefix = view.key("prefix").raw(errors).unwrap_or_default();
    let time = read_time(view, errors);
    let key = view.key("signed");
    let signed = match key.text(errors) {
        None => vec![SignedPart::Body],
        Some(template) => SignedPart::parse(&template).unwrap_or_else(|error| {
            key.error(errors, error.to_string());
            vec![SignedPart::Body]
        }),
    };
    if !signed.contains(&SignedPart::Body) {
        key.error(errors, "must contain {body}");
    }
    let signs_time = signed.contains(&SignedPart::Timestamp);
    if signs_time && time.is_none() {
        key.error(errors, "contains {timestamp}; add timestamp_header");
    }
    if time.is_some() && !signs_time {
        let key = view.key("timestamp_header");
        key.error(
            errors,
            "is useless unless signed contains {timestamp}: anyone could change it",
        );
    }
    Some(SignatureScheme {
        header: header?,
        algorithm: algorithm.unwrap_or(HmacAlgorithm::Sha256),
        encoding: encoding.unwrap_or(SignatureEncoding::Hex),
        prefix,
        time,
        signed,
    })
}

fn read_time(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<SignedTime> {
    let key = view.key("tolerance");
    let tolerance = key.positive_duration(errors);
    if tolerance.is_some_and(|tolerance| tolerance > LONGEST_TOLERANCE) {
        key.error(errors, "must not be longer than 1h");
    }
    let header = read_header(&view.key("timestamp_header"), errors);
    if header.is_none() && key.is_set() {
        key.error(errors, "has no effect without timestamp_header; remove it");
    }
    Some(SignedTime {
        header: header?,
        tolerance: tolerance.unwrap_or(DEFAULT_TOLERANCE),
    })
}

fn required_header(view: &YamlView<'_>, name: &str, errors: &mut ConfigErrors) -> Option<String> {
    let key = view.key(name);
    if !key.is_set() {
        key.error(errors, "is required: the name of a header");
    }
    read_header(&key, errors)
}

/// The name of a header, in lower case.
fn read_header(view: &YamlView<'_>, errors: &mut ConfigErrors) -> Option<String> {
    let name = view.text(errors)?;
    if !is_header_name(&name) {
        view.error(errors, "must be the name of a header");
    }
    Some(name.to_ascii_lowercase())
}

/// Reads one of several words.
fn choose<T: Copy>(
    view: &YamlView<'_>,
    choices: &[(&str, T)],
    errors: &mut ConfigErrors,
) -> Option<T> {
    let text = view.text(errors)?;
    let chosen = choices.iter().find(|(name, _)| *name == text);
    if chosen.is_none() {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        view.error(
            errors,
            format!("must be {}, not \"{text}\"", names.join(" or ")),
        );
    }
    chosen.map(|(_, choice)| *choice)
}

/// Whether a text is a token of RFC 9110.
pub(super) fn is_header_name(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_legal)
}
