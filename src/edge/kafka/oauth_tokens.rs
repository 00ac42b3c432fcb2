//! Tokens for OAUTHBEARER by OAuth's client credentials grant (RFC 6749, 4.4). A thread asks for a
//! token, gives it to the client and renews it in time. The client library can do this only when it is
//! built with libcurl.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use rdkafka::client::{Client, ClientContext};
use serde::Deserialize;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use super::client_properties::KafkaConnection;
use super::credentials::reveal;
use super::queue::{Token, set_token};
use crate::config::OAuth;
use crate::edge::{certificates, wall_clock};

/// For one request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Tokens are kilobytes.
const LARGEST_ANSWER: u64 = 1 << 20;
/// A token is renewed after this part of its lifetime, in percent.
const RENEW_AFTER: u64 = 80;
/// Between two requests, however short the lifetime of the tokens is.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// Between two attempts while there is no token; the pause doubles each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
struct TokenState {
    /// Why there is no token; taken by the reader.
    failure: Option<String>,
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
        give: impl Fn(&Token) -> Option<Result<(), String>> + Send + 'static,
    ) -> Self {
        let state = Arc::new(Mutex::new(TokenState::default()));
        let (stop, stopped) = mpsc::channel();
        let shared = Arc::clone(&state);
        let working = thread::Builder::new().name("tokens".to_owned());
        let spawned = working.spawn(move || {
            let mut retry = FIRST_RETRY;
            loop {
                let pause = match request(&settings) {
                    Ok(token) => match give(&token) {
                        None => return,
                        Some(Ok(())) => {
                            with(&shared, |state| {
                                state.failure = None;
                                state.principal = Some(token.principal.clone());
                            });
                            retry = FIRST_RETRY;
                            renewal(token.expires, wall_clock::now().0)
                        }
                        Some(Err(reason)) => fail(&shared, reason, &mut retry),
                    },
                    Err(reason) => fail(&shared, reason, &mut retry),
                };
                if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        if let Err(error) = spawned {
            with(&state, |state| state.failure = Some(error.to_string()));
        }
        Self { state, _stop: stop }
    }

    /// Why there is no token, once for each attempt.
    pub(super) fn failure(&self) -> Option<String> {
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

/// Returns the pause before the next attempt.
fn fail(state: &Mutex<TokenState>, reason: String, retry: &mut Duration) -> Duration {
    with(state, |state| state.failure = Some(reason));
    let pause = *retry;
    *retry = (pause * 2).min(LONGEST_RETRY);
    pause
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
fn request(settings: &OAuth) -> Result<Token, String> {
    let secret = reveal(
        "kafka.sasl.oauth.client_secret_file",
        &settings.client_secret,
    )
    .map_err(|error| error.to_string())?;
    request_with(settings, &secret).map_err(|reason| {
        let shown = if secret.is_empty() {
            reason
        } else {
            reason.replace(&secret, "…")
        };
        format!("{}: {shown}", settings.token_url)
    })
}

fn request_with(settings: &OAuth, secret: &str) -> Result<Token, String> {
    let roots = match &settings.ca_file {
        None => RootCerts::PlatformVerifier,
        Some(path) => certificates::trusted(path)
            .map_err(|error| format!("kafka.sasl.oauth.ca_file: {}: {error}", path.display()))?,
    };
    let tls = TlsConfig::builder()
        .provider(TlsProvider::NativeTls)
        .root_certs(roots)
        .build();
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        // The login must not go to another server.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .tls_config(tls)
        .build()
        .new_agent();
    let mut form = vec![("grant_type", "client_credentials")];
    form.extend(settings.scope.as_deref().map(|scope| ("scope", scope)));
    let mut answer = agent
        .post(&settings.token_url)
        .header("Accept", "application/json")
        .header("Authorization", authorization(&settings.client_id, secret))
        .send_form(form)
        .map_err(|error| error.to_string())?;
    let status = answer.status();
    let body = answer.body_mut().with_config().limit(LARGEST_ANSWER);
    let text = body.read_to_string().map_err(|error| error.to_string())?;
    if !status.is_success() {
        let refused: TokenRefusal = serde_json::from_str(&text).unwrap_or_default();
        let reasons = [refused.error, refused.error_description];
        let reasons: Vec<String> = reasons.into_iter().flatten().collect();
        let reason: String = reasons.join(": ").chars().take(200).collect();
        return Err(format!("{status} {reason}").trim_end().to_owned());
    }
    let granted: TokenGrant = serde_json::from_str(&text)
        // The answer may contain a token, so the error does not show it.
        .map_err(|_| "the answer is not a token".to_owned())?;
    token(granted, &settings.client_id, wall_clock::now().0)
}

fn token(granted: TokenGrant, client_id: &str, now: i64) -> Result<Token, String> {
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
        (None, None) => {
            return Err("the answer does not contain the expiry of the token".to_owned());
        }
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
    let login = format!("{}:{}", encoded(client_id), encoded(secret));
    format!("Basic {}", BASE64_STANDARD.encode(login))
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
        let login = authorization("a b", "p:%");
        let expected = BASE64_STANDARD.encode("a+b:p%3A%25");
        assert_eq!(login, format!("Basic {expected}"));
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
        let reason = request(&settings).err().unwrap();
        assert!(reason.starts_with("http://127.0.0.1:1/token: "), "{reason}");
        assert!(!reason.contains("hunter2"), "{reason}");
    }
}
