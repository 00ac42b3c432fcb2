//! A stand-in for the token endpoint of an OAuth server: signed tokens by client credentials.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use serde_json::{Value, json};

pub(super) const ISSUER: &str = "https://login.example.com";
pub(super) const AUDIENCE: &str = "kafka";
const TIMEOUT: Duration = Duration::from_secs(10);

/// The only client there is, and who its tokens are for.
pub(crate) const CLIENT: &str = "desk-client";
pub(crate) const SECRET: &str = "hunter2-client:secret";
pub(crate) const SUBJECT: &str = "desk-service";

#[derive(Debug)]
struct State {
    /// Seconds.
    lifetime: u64,
    audience: String,
    /// Tokens given.
    given: Vec<String>,
}

/// Runs as long as the test process: it is shared.
#[derive(Debug)]
pub(crate) struct TokenServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    key: PKey<Private>,
}

impl TokenServer {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let state = Arc::new(Mutex::new(State {
            lifetime: 3_600,
            audience: AUDIENCE.to_owned(),
            given: Vec::new(),
        }));
        let (shared, signing) = (Arc::clone(&state), key.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Who asked asks again.
                let _ = answer(stream, &shared, &signing);
            }
        });
        Self {
            address,
            state,
            key,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long new tokens live, in seconds.
    pub(crate) fn set_lifetime(&self, seconds: u64) {
        self.state.lock().unwrap().lifetime = seconds;
    }

    /// Who new tokens are meant for.
    pub(crate) fn set_audience(&self, audience: &str) {
        self.state.lock().unwrap().audience = audience.to_owned();
    }

    pub(crate) fn set_right_audience(&self) {
        self.set_audience(AUDIENCE);
    }

    /// All tokens that were given so far.
    pub(crate) fn given(&self) -> Vec<String> {
        self.state.lock().unwrap().given.clone()
    }

    /// The public key, for whoever checks the tokens.
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

fn answer(mut stream: TcpStream, state: &Mutex<State>, key: &PKey<Private>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut reader = BufReader::new(&stream);
    let (mut length, mut authorization) = (0, String::new());
    let mut line = String::new();
    reader.read_line(&mut line)?;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        } else if name.eq_ignore_ascii_case("authorization") {
            value.trim().clone_into(&mut authorization);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let login = format!("{CLIENT}:{}", SECRET.replace(':', "%3A"));
    let expected = format!("Basic {}", BASE64_STANDARD.encode(login));
    let (status, said) = if !body.contains("grant_type=client_credentials") {
        (
            "400 Bad Request",
            json!({"error": "unsupported_grant_type"}),
        )
    } else if authorization != expected {
        let said = json!({"error": "invalid_client", "error_description": "wrong secret"});
        ("401 Unauthorized", said)
    } else {
        let mut state = state.lock().unwrap();
        let token = token(&state, key);
        state.given.push(token.clone());
        let said = json!({
            "access_token": token, "token_type": "Bearer", "expires_in": state.lifetime,
        });
        ("200 OK", said)
    };
    let said = said.to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        said.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(said.as_bytes())
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
