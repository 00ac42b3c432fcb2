//! The Unix socket of the command `reload`. A signal has no answer, but the socket returns the outcome
//! of the reload. A process that may enter the directory may connect. Each connection requests one
//! reload.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio::time::timeout;
use tracing::{info, warn};

use super::http::ReloadRequests;

/// The environment variable in which systemd names the directory of `RuntimeDirectory=`.
pub const DIRECTORY_VARIABLE: &str = "RUNTIME_DIRECTORY";
/// The name of the socket in that directory.
const NAME: &str = "reload.sock";
/// The first line of an answer.
const RELOADED: &str = "reloaded";
const REFUSED: &str = "refused";
/// How long the exporter waits for a client to read its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after accepting failed, for example because the process has too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The path of the socket in a directory.
pub fn path_in(directory: &Path) -> PathBuf {
    directory.join(NAME)
}

/// A listening socket. Needs a Tokio runtime.
#[derive(Debug)]
pub struct ReloadSocket(UnixListener);

impl ReloadSocket {
    /// Listens at `path`, and replaces the socket of an earlier process.
    pub fn bind(path: &Path) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        info!(path = %path.display(), "reload socket opened");
        Ok(Self(listener))
    }

    /// Answers each connection with the outcome of a reload.
    pub async fn serve(self, reloads: Arc<ReloadRequests>) {
        loop {
            let mut stream = match self.0.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!(%error, "reload socket cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let reloads = Arc::clone(&reloads);
            tokio::spawn(async move {
                let answer = match reloads.ask("command").await {
                    Ok(Ok(text)) => format!("{RELOADED}\n{text}"),
                    Ok(Err(text)) => format!("{REFUSED}\n{text}"),
                    Err(error) => format!("{REFUSED}\n{error}"),
                };
                // The client may have given up; the log has the outcome.
                let _ = timeout(ANSWER_TIMEOUT, stream.write_all(answer.as_bytes())).await;
            });
        }
    }
}

/// Requests a reload and waits for its outcome: the changed parts, or all errors.
pub fn ask(path: &Path, longest_wait: Duration) -> io::Result<Result<String, String>> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(longest_wait))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once('\n') {
        Some((RELOADED, text)) => Ok(Ok(text.to_owned())),
        Some((REFUSED, text)) => Ok(Err(text.to_owned())),
        _ => Err(io::Error::new(
            ErrorKind::UnexpectedEof,
            "the exporter ended before it answered",
        )),
    }
}
