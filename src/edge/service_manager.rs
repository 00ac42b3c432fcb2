//! Tells systemd how the process is, in the protocol of `sd_notify(3)`: that it has started, is reloading or is
//! stopping, and one line for `systemctl status`.

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
/// A service manager that does not read its socket must not hold up the exporter.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);
/// `systemctl status` shows one line, and a datagram has to hold it.
const MAX_STATUS_CHARACTERS: usize = 400;

/// The service manager, if there is one; without one, messages go nowhere. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct ServiceManager(Option<Arc<Connection>>);

#[derive(Debug)]
struct Connection {
    socket: UnixDatagram,
    address: SocketAddr,
    status: Mutex<Status>,
}

/// What the line for `systemctl status` is made of.
#[derive(Debug, Default)]
struct Status {
    readiness: String,
    refused: Option<String>,
}

impl ServiceManager {
    /// Opens a socket to the address in [`ADDRESS_VARIABLE`]: a path, or `@` and an abstract name.
    ///
    /// # Errors
    /// An address of another kind, or no socket to send from.
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
        Ok(Self(Some(Arc::new(Connection {
            socket,
            address,
            status: Mutex::default(),
        }))))
    }

    /// The exporter listens.
    pub fn started(&self) {
        self.send("READY=1");
    }

    /// A reload begins. systemd takes the `READY=1` that follows for its end.
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

    /// The new status line, where a change makes another one.
    fn change_status(&self, change: impl FnOnce(&mut Status)) -> Option<String> {
        let connection = self.0.as_deref()?;
        // Nothing panics while it holds the lock.
        let mut status = connection
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = status.line();
        change(&mut status);
        let now = status.line();
        (now != before).then_some(now)
    }

    fn send(&self, message: &str) {
        let Some(connection) = self.0.as_deref() else {
            return;
        };
        let Connection {
            socket, address, ..
        } = connection;
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address) {
            warn!(%error, "the service manager cannot be told");
        }
    }
}

impl Status {
    fn line(&self) -> String {
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

    /// A manager that listens, and what it has heard.
    fn listening(address: &SocketAddr, given: &OsStr) -> (UnixDatagram, ServiceManager) {
        let heard = UnixDatagram::bind_addr(address).unwrap();
        heard
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        (heard, ServiceManager::connect(Some(given)).unwrap())
    }

    fn next(heard: &UnixDatagram) -> String {
        let mut buffer = [0; 4096];
        let length = heard.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_refused_reload_ends_and_says_so_until_another_one_goes_well() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let address = SocketAddr::from_pathname(&path).unwrap();
        let (heard, manager) = listening(&address, path.as_os_str());
        manager.started();
        assert_eq!(next(&heard), "READY=1");
        manager.set_readiness(&["reading".to_owned(), "two\nlines".to_owned()]);
        assert_eq!(next(&heard), "STATUS=not ready: reading; two lines");
        manager.set_readiness(&["reading".to_owned(), "two\nlines".to_owned()]);
        manager.set_readiness(&[]);
        assert_eq!(next(&heard), "STATUS=ready");
        manager.reloading();
        let reloading = next(&heard);
        let (first, second) = reloading.split_once("\nMONOTONIC_USEC=").unwrap();
        assert_eq!(first, "RELOADING=1");
        assert!(second.parse::<u64>().unwrap() > 0);
        manager.reloaded(Some("a.yaml:1:1: no"));
        let refused = "READY=1\nSTATUS=configuration refused: a.yaml:1:1: no; ready";
        assert_eq!(next(&heard), refused);
        manager.set_readiness(&["lost".to_owned()]);
        let both = "STATUS=configuration refused: a.yaml:1:1: no; not ready: lost";
        assert_eq!(next(&heard), both);
        manager.reloaded(None);
        assert_eq!(next(&heard), "READY=1\nSTATUS=not ready: lost");
        manager.reloaded(None);
        assert_eq!(next(&heard), "READY=1");
        manager.stopping();
        assert_eq!(next(&heard), "STOPPING=1\nSTATUS=stopping");
    }

    #[test]
    fn an_abstract_address_begins_with_an_at_sign() {
        let name = format!("ticket-exporter-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let given = format!("@{name}");
        let (heard, manager) = listening(&address, OsStr::new(&given));
        manager.started();
        assert_eq!(next(&heard), "READY=1");
    }

    #[test]
    fn without_a_manager_or_when_it_is_gone_nothing_fails() {
        for address in [None, Some(OsStr::new(""))] {
            ServiceManager::connect(address).unwrap().started();
        }
        let gone = ServiceManager::connect(Some(OsStr::new("/nowhere/notify"))).unwrap();
        gone.started();
        assert!(ServiceManager::connect(Some(OsStr::new("/a\0b"))).is_err());
    }

    #[test]
    fn a_status_line_is_short() {
        let status = Status {
            readiness: "é".repeat(5_000),
            refused: None,
        };
        assert_eq!(status.line().chars().count(), MAX_STATUS_CHARACTERS);
    }
}
