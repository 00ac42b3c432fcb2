//! A stand-in for the token endpoint of an OAuth server: it signs tokens for client credentials.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use serde_json::{Value, json};

use super::http::{IncomingRequest, Reply, TestServer};

pub(super) const ISSUER: &str = "https://login.example.com";
pub(super) const AUDIENCE: &str = "kafka";

/// The only client, and the audience of its tokens.
pub(crate) const CLIENT: &str = "desk-client";
pub(crate) const SECRET: &str = "hunter2-client:secret";
pub(crate) const SUBJECT: &str = "desk-service";

#[derive(Debug)]
struct State {
    /// In seconds.
    lifetime: u64,
    audience: String,
    /// The issued tokens.
    given: Vec<String>,
}

/// Tests share it.
#[derive(Debug)]
pub(crate) struct TokenServer {
    server: TestServer,
    state: Arc<Mutex<State>>,
    key: PKey<Private>,
}

impl TokenServer {
    pub(super) fn start() -> Self {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let state = Arc::new(Mutex::new(State {
            lifetime: 3_600,
            audience: AUDIENCE.to_owned(),
            given: Vec::new(),
        }));
        let (shared, signing) = (Arc::clone(&state), key.clone());
        let server = TestServer::start(move |request| answer(request, &shared, &signing));
        Self { server, state, key }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Sets the lifetime of new tokens in seconds.
    pub(crate) fn set_lifetime(&self, seconds: u64) {
        self.state.lock().unwrap().lifetime = seconds;
    }

    /// Sets the audience of new tokens.
    pub(crate) fn set_audience(&self, audience: &str) {
        self.state.lock().unwrap().audience = audience.to_owned();
    }

    pub(crate) fn set_right_audience(&self) {
        self.set_audience(AUDIENCE);
    }

    /// All tokens that it has issued.
    pub(crate) fn given(&self) -> Vec<String> {
        self.state.lock().unwrap().given.clone()
    }

    /// The public key that verifies the tokens.
    pub(super) fn jwks(&self) -> String {
        let rsa = self.key.rsa().unwrap();
        let number = |bytes: Vec<u8>| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let key = json!({
            "kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig",
            "n": number(rsa.n().to_vec()), "e": number(rsa.e().to_vec()),
        });
        json!({ "keys": [key] }).to_string()
    }
}

fn answer(request: &IncomingRequest, state: &Mutex<State>, key: &PKey<Private>) -> Reply {
    let body = String::from_utf8_lossy(&request.body);
    let login = format!("{CLIENT}:{}", SECRET.replace(':', "%3A"));
    let expected = format!("Basic {}", BASE64_STANDARD.encode(login));
    let (status, document) = if !body.contains("grant_type=client_credentials") {
        (
            "400 Bad Request",
            json!({"error": "unsupported_grant_type"}),
        )
    } else if request.header("authorization") != expected {
        let error = json!({"error": "invalid_client", "error_description": "wrong secret"});
        ("401 Unauthorized", error)
    } else {
        let mut state = state.lock().unwrap();
        let token = token(&state, key);
        state.given.push(token.clone());
        let answer = json!({
            "access_token": token, "token_type": "Bearer", "expires_in": state.lifetime,
        });
        ("200 OK", answer)
    };
    let content_type = "application/json".to_owned();
    (status, content_type, document.to_string().into_bytes())
}

fn token(state: &State, key: &PKey<Private>) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(json!({"alg": "RS256", "kid": "1", "typ": "JWT"}));
    let claims = part(json!({
        "iss": ISSUER, "aud": state.audience, "sub": SUBJECT, "scope": "kafka",
        "iat": now, "exp": now + state.lifetime,
    }));
    let text = format!("{head}.{claims}");
    let mut signer = Signer::new(MessageDigest::sha256(), key).unwrap();
    signer.update(text.as_bytes()).unwrap();
    let signature = signer.sign_to_vec().unwrap();
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}
