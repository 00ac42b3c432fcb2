//! Notifies systemd in the protocol of `sd_notify(3)`: the exporter has started, reloads or stops. It
//! also sets the line that `systemctl status` shows.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tracing::warn;

/// The environment variable with the address of the service manager.
pub const ADDRESS_VARIABLE: &str = "NOTIFY_SOCKET";
/// A service manager that does not read its socket must not block the exporter.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);
/// `systemctl status` shows one line, and a datagram has to hold it.
const MAX_STATUS_CHARACTERS: usize = 400;

/// The service manager. Without one, it sends nothing. Clones share the same socket.
#[derive(Clone, Debug, Default)]
pub struct ServiceManager(Option<Arc<NotifySocket>>);

#[derive(Debug)]
struct NotifySocket {
    socket: UnixDatagram,
    address: SocketAddr,
    status: Mutex<StatusLine>,
}

/// The parts of the line that `systemctl status` shows.
#[derive(Debug, Default)]
struct StatusLine {
    readiness: String,
    refused: Option<String>,
}

impl ServiceManager {
    /// Opens a socket to the address in [`ADDRESS_VARIABLE`]: a path, or `@` and an abstract name.
    ///
    /// # Errors
    /// The address is of another kind, or no socket can be opened.
    pub fn connect(address: Option<&OsStr>) -> io::Result<Self> {
        let Some(address) = address.filter(|address| !address.is_empty()) else {
            return Ok(Self::default());
        };
        let address = match address.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(address)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(SEND_TIMEOUT))?;
        Ok(Self(Some(Arc::new(NotifySocket {
            socket,
            address,
            status: Mutex::default(),
        }))))
    }

    /// The exporter listens.
    pub fn started(&self) {
        self.send("READY=1");
    }

    /// A reload begins. It ends with the next `READY=1`.
    pub fn reloading(&self) {
        // systemd compares this time with that of its own request, by the same clock.
        let now = clock_gettime(ClockId::Monotonic);
        let microseconds = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    /// A reload has ended. The protocol cannot say that it failed, so the status line does.
    pub fn reloaded(&self, refused: Option<&str>) {
        let refused = refused.map(str::to_owned);
        let line = self.change_status(|status| status.refused = refused);
        self.send(&match line {
            Some(line) => format!("READY=1\nSTATUS={line}"),
            None => "READY=1".to_owned(),
        });
    }

    /// The exporter stops.
    pub fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=stopping");
    }

    /// Shows why the exporter is not ready, or that it is. Sends only what has changed.
    pub fn set_readiness(&self, reasons: &[String]) {
        let readiness = match reasons {
            [] => "ready".to_owned(),
            reasons => format!("not ready: {}", reasons.join("; ")),
        };
        if let Some(line) = self.change_status(|status| status.readiness = readiness) {
            self.send(&format!("STATUS={line}"));
        }
    }

    /// Changes the status. Returns the line if it is a new one.
    fn change_status(&self, change: impl FnOnce(&mut StatusLine)) -> Option<String> {
        let connection = self.0.as_deref()?;
        let mut status = connection
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = status.text();
        change(&mut status);
        let now = status.text();
        (now != before).then_some(now)
    }

    fn send(&self, message: &str) {
        let Some(connection) = self.0.as_deref() else {
            return;
        };
        let NotifySocket {
            socket, address, ..
        } = connection;
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address) {
            warn!(%error, "service manager not notified");
        }
    }
}

impl StatusLine {
    fn text(&self) -> String {
        let text = match &self.refused {
            Some(reason) => format!("configuration refused: {reason}; {}", self.readiness),
            None => self.readiness.clone(),
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        words
            .join(" ")
            .chars()
            .take(MAX_STATUS_CHARACTERS)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The socket of a service manager, and the sender to it.
    fn listening(address: &SocketAddr, given: &OsStr) -> (UnixDatagram, ServiceManager) {
        let received = UnixDatagram::bind_addr(address).unwrap();
        received
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        (received, ServiceManager::connect(Some(given)).unwrap())
    }

    fn next(received: &UnixDatagram) -> String {
        let mut buffer = [0; 4096];
        let length = received.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn the_status_shows_a_refused_reload_until_one_succeeds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let address = SocketAddr::from_pathname(&path).unwrap();
        let (received, manager) = listening(&address, path.as_os_str());
        manager.started();
        assert_eq!(next(&received), "READY=1");
        manager.set_readiness(&["reading".to_owned(), "two\nlines".to_owned()]);
        assert_eq!(next(&received), "STATUS=not ready: reading; two lines");
        manager.set_readiness(&["reading".to_owned(), "two\nlines".to_owned()]);
        manager.set_readiness(&[]);
        assert_eq!(next(&received), "STATUS=ready");
        manager.reloading();
        let reloading = next(&received);
        let (first, second) = reloading.split_once("\nMONOTONIC_USEC=").unwrap();
        assert_eq!(first, "RELOADING=1");
        assert!(second.parse::<u64>().unwrap() > 0);
        manager.reloaded(Some("a.yaml:1:1: no"));
        let refused = "READY=1\nSTATUS=configuration refused: a.yaml:1:1: no; ready";
        assert_eq!(next(&received), refused);
        manager.set_readiness(&["lost".to_owned()]);
        let both = "STATUS=configuration refused: a.yaml:1:1: no; not ready: lost";
        assert_eq!(next(&received), both);
        manager.reloaded(None);
        assert_eq!(next(&received), "READY=1\nSTATUS=not ready: lost");
        manager.reloaded(None);
        assert_eq!(next(&received), "READY=1");
        manager.stopping();
        assert_eq!(next(&received), "STOPPING=1\nSTATUS=stopping");
    }

    #[test]
    fn an_abstract_address_begins_with_an_at_sign() {
        let name = format!("ticket-exporter-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let given = format!("@{name}");
        let (received, manager) = listening(&address, OsStr::new(&given));
        manager.started();
        assert_eq!(next(&received), "READY=1");
    }

    #[test]
    fn a_missing_manager_is_no_error() {
        for address in [None, Some(OsStr::new(""))] {
            ServiceManager::connect(address).unwrap().started();
        }
        let gone = ServiceManager::connect(Some(OsStr::new("/nowhere/notify"))).unwrap();
        gone.started();
        assert!(ServiceManager::connect(Some(OsStr::new("/a\0b"))).is_err());
    }

    #[test]
    fn a_status_line_is_short() {
        let status = StatusLine {
            readiness: "é".repeat(5_000),
            refused: None,
        };
        assert_eq!(status.text().chars().count(), MAX_STATUS_CHARACTERS);
    }
}
