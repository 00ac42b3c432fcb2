//! Tokens for OAUTHBEARER, by OAuth's client credentials grant (RFC 6749, 4.4): asked for on a
//! thread of their own, given to the client, and renewed in time. The client library has the same
//! only where it is built with libcurl.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use super::credentials::reveal;
use super::queue::Token;
use crate::config::OAuth;
use crate::edge::{certificates, wall_clock};

/// For one question.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Tokens are kilobytes.
const LARGEST_ANSWER: u64 = 1 << 20;
/// A token is renewed when this part of its life is over, in percent.
const RENEW_AFTER: u64 = 80;
/// No server is asked more often than this, however short its tokens live.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// Between two tries while there is no token; twice as long each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// What the keeper says.
#[derive(Debug, Default)]
struct TokenState {
    /// Why there is no token, since the last look.
    failure: Option<String>,
    principal: Option<String>,
}

/// Keeps a client in tokens as long as it lives.
#[derive(Debug)]
pub(super) struct TokenRefresher {
    state: Arc<Mutex<TokenState>>,
    /// Dropped with the keeper: the thread's sign to end.
    _stop: Sender<()>,
}

impl TokenRefresher {
    /// `give` hands a token to the client; `None`: there is no client any more.
    pub(super) fn start(
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
                let pause = match ask(&settings) {
                    Ok(token) => match give(&token) {
                        None => return,
                        Some(Ok(())) => {
                            note(&shared, |state| {
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
            note(&state, |state| state.failure = Some(error.to_string()));
        }
        Self { state, _stop: stop }
    }

    /// Why there is no token, once for each try.
    pub(super) fn failure(&self) -> Option<String> {
        note(&self.state, |state| state.failure.take())
    }

    /// Who the last token is for.
    pub(super) fn principal(&self) -> Option<String> {
        note(&self.state, |state| state.principal.clone())
    }
}

fn note<T>(state: &Mutex<TokenState>, change: impl FnOnce(&mut TokenState) -> T) -> T {
    change(&mut state.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The pause before the next try.
fn fail(state: &Mutex<TokenState>, reason: String, retry: &mut Duration) -> Duration {
    note(state, |state| state.failure = Some(reason));
    let pause = *retry;
    *retry = (pause * 2).min(LONGEST_RETRY);
    pause
}

/// How long a token is good for, before it is renewed; times in milliseconds since the epoch.
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

/// What is read of a token's claims (RFC 7519).
#[derive(Default, Deserialize)]
struct TokenClaims {
    /// Seconds since the epoch.
    exp: Option<f64>,
    sub: Option<String>,
}

/// One question. The secret is read now: it may have changed.
fn ask(settings: &OAuth) -> Result<Token, String> {
    let secret = reveal(
        "kafka.sasl.oauth.client_secret_file",
        &settings.client_secret,
    )
    .map_err(|error| error.to_string())?;
    ask_with(settings, &secret).map_err(|reason| {
        let shown = if secret.is_empty() {
            reason
        } else {
            reason.replace(&secret, "…")
        };
        format!("{}: {shown}", settings.token_url)
    })
}

fn ask_with(settings: &OAuth, secret: &str) -> Result<Token, String> {
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
        // The login is for this server and no other.
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
        let said = [refused.error, refused.error_description];
        let said: Vec<String> = said.into_iter().flatten().collect();
        let said: String = said.join(": ").chars().take(200).collect();
        return Err(format!("{status} {said}").trim_end().to_owned());
    }
    let granted: TokenGrant = serde_json::from_str(&text)
        // The answer may hold a token: it is not shown.
        .map_err(|_| "the answer is no token".to_owned())?;
    token(granted, &settings.client_id, wall_clock::now().0)
}

fn token(granted: TokenGrant, client_id: &str, now: i64) -> Result<Token, String> {
    let claims = claims(&granted.access_token).unwrap_or_default();
    let milliseconds = |seconds: f64| {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "saturates: far beyond any token"
        )]
        let whole = (seconds * 1_000.0) as i64;
        whole
    };
    let expires = match (granted.expires_in, claims.exp) {
        (Some(length), _) => now.saturating_add(milliseconds(length)),
        (None, Some(at)) => milliseconds(at),
        (None, None) => return Err("the answer does not say when the token expires".to_owned()),
    };
    Ok(Token {
        text: granted.access_token,
        expires,
        principal: claims.sub.unwrap_or_else(|| client_id.to_owned()),
    })
}

/// What a token says of itself, where it is a JWT.
fn claims(token: &str) -> Option<TokenClaims> {
    let middle = token.split('.').nth(1)?;
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(middle.trim_end_matches('='))
        .ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The header of basic authentication, both parts encoded first (RFC 6749, 2.3.1).
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
    fn the_answer_or_the_token_says_when_it_expires() {
        let token_of = |claims: &str, expires_in| token(granted(claims, expires_in), "me", NOW);
        let token = token_of(r#"{"sub":"desk","exp":1700000600}"#, Some(60.0)).unwrap();
        assert_eq!((token.expires, &*token.principal), (NOW + 60_000, "desk"));
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
    fn the_login_is_encoded_twice() {
        let login = authorization("a b", "p:%");
        let expected = BASE64_STANDARD.encode("a+b:p%3A%25");
        assert_eq!(login, format!("Basic {expected}"));
    }

    #[test]
    fn nobody_there_is_said_without_the_secret() {
        let settings = OAuth {
            token_url: "http://127.0.0.1:1/token".to_owned(),
            client_id: "me".to_owned(),
            client_secret: crate::config::Secret::Text("hunter2".to_owned()),
            scope: None,
            extensions: std::collections::BTreeMap::new(),
            ca_file: None,
        };
        let reason = ask(&settings).err().unwrap();
        assert!(reason.starts_with("http://127.0.0.1:1/token: "), "{reason}");
        assert!(!reason.contains("hunter2"), "{reason}");
    }
}
