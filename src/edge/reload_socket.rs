//! A Unix socket for the command `reload`, which waits for the outcome of a reload: a signal has no answer. A process
//! that may enter the directory may connect, and each connection asks for one reload.

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

use super::http::Published;

/// The environment variable in which systemd names the directory of `RuntimeDirectory=`.
pub const DIRECTORY_VARIABLE: &str = "RUNTIME_DIRECTORY";
/// The name of the socket in that directory.
const NAME: &str = "reload.sock";
/// First line of an answer.
const RELOADED: &str = "reloaded";
const REFUSED: &str = "refused";
/// A client that does not read its answer is left.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after a connection that could not be accepted, as where the process has too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The socket in a directory.
pub fn path_in(directory: &Path) -> PathBuf {
    directory.join(NAME)
}

/// The socket, listening. Serve it inside a Tokio runtime.
#[derive(Debug)]
pub struct ReloadSocket(UnixListener);

impl ReloadSocket {
    /// Listens at `path`, in place of the socket that an earlier process left there.
    ///
    /// # Errors
    /// A directory that cannot be written, or a path that is too long for a socket.
    pub fn bind(path: &Path) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        info!(path = %path.display(), "the reload socket is open");
        Ok(Self(listener))
    }

    /// Answers each connection with the outcome of a reload.
    pub async fn serve(self, published: Arc<Published>) {
        loop {
            let mut stream = match self.0.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!(%error, "the reload socket cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let published = Arc::clone(&published);
            tokio::spawn(async move {
                let answer = match published.reloads().ask("command").await {
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

/// Asks the exporter behind a socket for a reload and waits for the outcome: what has changed, or everything that
/// is wrong.
///
/// # Errors
/// No exporter listens there, or it does not answer within `patience`.
pub fn ask(path: &Path, patience: Duration) -> io::Result<Result<String, String>> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(patience))?;
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
