//! Tokens for OAUTHBEARER by OAuth's client credentials grant (RFC 6749, 4.4). A thread asks for a
//! token, gives it to the client and renews it in time. The client library can do this only when it is
//! built with libcurl.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rdkafka::client::{Client, ClientContext};
use serde::Deserialize;

use super::client_properties::KafkaConnection;
use super::credentials::reveal;
use super::queue::{Token, TokenRejection, set_token};
use super::start_error::StartError;
use crate::config::OAuth;
use crate::edge::http_client::{
    CaFileError, HttpClient, HttpError, Request, RequestLimits, StatusCode, basic_authorization,
    trusted,
};
use crate::edge::wall_clock;

/// Tokens are kilobytes. The login must not go to another server.
const LIMITS: RequestLimits = RequestLimits {
    timeout: Duration::from_secs(10),
    largest_answer: 1 << 20,
    redirects: false,
};
/// A token is renewed after this part of its lifetime, in percent.
const RENEW_AFTER: u64 = 80;
/// Between two requests, however short the lifetime of the tokens is.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// Between two attempts while there is no token; the pause doubles each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    #[error(transparent)]
    Secret(#[from] StartError),
    #[error("kafka.sasl.oauth.ca_file: {0}")]
    CaFile(#[from] CaFileError),
    #[error("{url}: {source}")]
    Request {
        url: String,
        source: TokenRequestError,
    },
    #[error(transparent)]
    Rejected(#[from] TokenRejection),
    #[error("cannot start a thread: {0}")]
    Thread(#[from] io::Error),
}

/// Why a server gave no token. No text contains the secret or a token.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenRequestError {
    #[error(transparent)]
    NoAnswer(#[from] HttpError),
    #[error("{status}{reason}")]
    Refused { status: StatusCode, reason: String },
    #[error("the answer is not a token")]
    NotAToken,
    #[error("the answer does not contain the expiry of the token")]
    NoExpiry,
}

#[derive(Debug, Default)]
struct TokenState {
    /// Why there is no token; taken by the reader.
    failure: Option<TokenError>,
    principal: Option<String>,
}

/// Supplies a client with tokens as long as this lives.
#[derive(Debug)]
pub(super) struct TokenRefresher {
    state: Arc<Mutex<TokenState>>,
    /// The thread ends when this is dropped.
    _stop: Sender<()>,
}

impl TokenRefresher {
    /// Supplies the client of `owner` with tokens while `owner` exists; `None` if its login needs none.
    pub(super) fn start<T: Send + Sync + 'static, C: ClientContext>(
        connection: &KafkaConnection,
        owner: &Arc<T>,
        client: impl Fn(&T) -> &Client<C> + Send + 'static,
    ) -> Option<Self> {
        let oauth = connection.tokens()?;
        let (owner, extensions) = (Arc::downgrade(owner), oauth.extensions.clone());
        Some(Self::run(oauth, move |token| {
            let owner = owner.upgrade()?;
            Some(set_token(client(&owner), token, &extensions))
        }))
    }

    /// `give` hands a token to the client; it returns `None` if the client no longer exists.
    fn run(
        settings: OAuth,
        give: impl Fn(&Token) -> Option<Result<(), TokenRejection>> + Send + 'static,
    ) -> Self {
        let state = Arc::new(Mutex::new(TokenState::default()));
        let (stop, stopped) = mpsc::channel();
        let shared = Arc::clone(&state);
        let working = thread::Builder::new().name("tokens".to_owned());
        let spawned = working.spawn(move || {
            let mut retry = FIRST_RETRY;
            loop {
                let given = request(&settings)
                    .and_then(|token| Ok(give(&token).transpose()?.map(|()| token)));
                let pause = match given {
                    Ok(None) => return,
                    Ok(Some(token)) => {
                        retry = FIRST_RETRY;
                        let pause = renewal(token.expires, wall_clock::now().0);
                        with(&shared, |state| {
                            state.failure = None;
                            state.principal = Some(token.principal);
                        });
                        pause
                    }
                    Err(error) => {
                        with(&shared, |state| state.failure = Some(error));
                        let pause = retry;
                        retry = (retry * 2).min(LONGEST_RETRY);
                        pause
                    }
                };
                if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        if let Err(error) = spawned {
            with(&state, |state| state.failure = Some(error.into()));
        }
        Self { state, _stop: stop }
    }

    /// Why there is no token, once for each attempt.
    pub(super) fn failure(&self) -> Option<TokenError> {
        with(&self.state, |state| state.failure.take())
    }

    /// The principal of the last token.
    pub(super) fn principal(&self) -> Option<String> {
        with(&self.state, |state| state.principal.clone())
    }
}

fn with<T>(state: &Mutex<TokenState>, change: impl FnOnce(&mut TokenState) -> T) -> T {
    change(&mut state.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The time until a token is renewed. The arguments are milliseconds since the epoch.
fn renewal(expires: i64, now: i64) -> Duration {
    let left = u64::try_from(expires - now).unwrap_or_default();
    Duration::from_millis(left / 100 * RENEW_AFTER).max(SHORTEST_PAUSE)
}

#[derive(Deserialize)]
struct TokenGrant {
    access_token: String,
    /// Seconds.
    #[serde(default)]
    expires_in: Option<f64>,
}

#[derive(Default, Deserialize)]
struct TokenRefusal {
    error: Option<String>,
    error_description: Option<String>,
}

/// A token's claims (RFC 7519).
#[derive(Default, Deserialize)]
struct TokenClaims {
    /// Seconds since the epoch.
    exp: Option<f64>,
    sub: Option<String>,
}

/// Asks for a token. Reads the secret each time, because it may have changed.
fn request(settings: &OAuth) -> Result<Token, TokenError> {
    let secret = reveal(
        "kafka.sasl.oauth.client_secret_file",
        &settings.client_secret,
    )?;
    let client = HttpClient::new(LIMITS, trusted(settings.ca_file.as_deref())?);
    ask(&client, settings, &secret).map_err(|source| TokenError::Request {
        url: settings.token_url.clone(),
        source,
    })
}

fn ask(client: &HttpClient, settings: &OAuth, secret: &str) -> Result<Token, TokenRequestError> {
    let login = authorization(&settings.client_id, secret);
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    form.extend_pairs(settings.scope.iter().map(|scope| ("scope", scope)));
    let request = Request::post(&settings.token_url)
        .header("Accept", "application/json")
        .header("Authorization", login)
        .header("Content-Type", "application/x-www-form-urlencoded");
    let answer = client.send(request.body(form.finish()).map_err(HttpError::from)?)?;
    if !answer.status().is_success() {
        return Err(refused(answer.status(), answer.body(), secret));
    }
    let granted: TokenGrant = serde_json::from_str(answer.body())
        // The answer may contain a token, so the error does not show it.
        .map_err(|_| TokenRequestError::NotAToken)?;
    token(granted, &settings.client_id, wall_clock::now().0)
}

fn refused(status: StatusCode, answer: &str, secret: &str) -> TokenRequestError {
    let refusal: TokenRefusal = serde_json::from_str(answer).unwrap_or_default();
    let reasons = [refusal.error, refusal.error_description];
    let reasons = reasons.into_iter().flatten().map(|reason| {
        if secret.is_empty() {
            reason
        } else {
            reason.replace(secret, "…")
        }
    });
    let reason: String = reasons
        .flat_map(|reason| [": ".to_owned(), reason])
        .collect();
    TokenRequestError::Refused {
        status,
        reason: reason.chars().take(200).collect(),
    }
}

fn token(granted: TokenGrant, client_id: &str, now: i64) -> Result<Token, TokenRequestError> {
    let claims = claims(&granted.access_token).unwrap_or_default();
    let milliseconds = |seconds: f64| {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "saturates far beyond any token"
        )]
        let whole = (seconds * 1_000.0) as i64;
        whole
    };
    let expires = match (granted.expires_in, claims.exp) {
        (Some(length), _) => now.saturating_add(milliseconds(length)),
        (None, Some(at)) => milliseconds(at),
        (None, None) => return Err(TokenRequestError::NoExpiry),
    };
    Ok(Token {
        text: granted.access_token,
        expires,
        principal: claims.sub.unwrap_or_else(|| client_id.to_owned()),
    })
}

/// The claims of a token that is a JWT.
fn claims(token: &str) -> Option<TokenClaims> {
    let middle = token.split('.').nth(1)?;
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(middle.trim_end_matches('='))
        .ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The header of basic authentication; both parts are encoded first (RFC 6749, 2.3.1).
fn authorization(client_id: &str, secret: &str) -> String {
    let encoded =
        |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    basic_authorization(&encoded(client_id), &encoded(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn granted(claims: &str, expires_in: Option<f64>) -> TokenGrant {
        TokenGrant {
            access_token: format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims)),
            expires_in,
        }
    }

    #[test]
    fn the_expiry_comes_from_the_answer_or_the_token() {
        let token_of = |claims: &str, expires_in| token(granted(claims, expires_in), "me", NOW);
        let token = token_of(r#"{"sub":"exporter","exp":1700000600}"#, Some(60.0)).unwrap();
        assert_eq!(
            (token.expires, &*token.principal),
            (NOW + 60_000, "exporter")
        );
        let token = token_of(r#"{"exp":1700000600}"#, None).unwrap();
        assert_eq!((token.expires, &*token.principal), (NOW + 600_000, "me"));
        assert!(token_of("{}", None).is_err());
        let opaque = TokenGrant {
            access_token: "opaque".to_owned(),
            expires_in: Some(1.0),
        };
        assert_eq!(super::token(opaque, "me", NOW).unwrap().principal, "me");
    }

    #[test]
    fn tokens_are_renewed_before_they_expire() {
        assert_eq!(renewal(NOW + 600_000, NOW), Duration::from_secs(480));
        assert_eq!(renewal(NOW - 1, NOW), SHORTEST_PAUSE);
    }

    #[test]
    fn the_login_is_encoded_before_base64() {
        let expected = basic_authorization("a+b", "p%3A%25");
        assert_eq!(authorization("a b", "p:%"), expected);
    }

    #[test]
    fn an_error_does_not_contain_the_secret() {
        let settings = OAuth {
            token_url: "http://127.0.0.1:1/token".to_owned(),
            client_id: "me".to_owned(),
            client_secret: crate::config::Secret::Text("hunter2".to_owned()),
            scope: None,
            extensions: std::collections::BTreeMap::new(),
            ca_file: None,
        };
        let reason = request(&settings).err().unwrap().to_string();
        assert!(reason.starts_with("http://127.0.0.1:1/token: "), "{reason}");
        assert!(!reason.contains("hunter2"), "{reason}");
        let answer = r#"{"error": "invalid_client", "error_description": "not hunter2"}"#;
        assert_eq!(
            refused(StatusCode::UNAUTHORIZED, answer, "hunter2").to_string(),
            "401 Unauthorized: invalid_client: not …"
        );
    }
}
