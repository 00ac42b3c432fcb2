//! A TCP proxy that can be interrupted: the network between an exporter and its broker.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Forwards data with one thread for each direction of a connection. It stops when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    /// Clients speak the Kafka protocol.
    is_kafka: bool,
    /// Produce requests are held back.
    holds_writes: AtomicBool,
    cut: AtomicBool,
    stopping: AtomicBool,
    /// Both ends of each connection.
    connections: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Listens on a port and forwards connections to `target`.
    pub(crate) fn start(target: SocketAddr) -> Self {
        Self::start_with(target, State::default())
    }

    /// A proxy for clients of Kafka, whose produce requests can be held back.
    pub(crate) fn start_for_kafka(target: SocketAddr) -> Self {
        let state = State {
            is_kafka: true,
            ..State::default()
        };
        Self::start_with(target, state)
    }

    fn start_with(target: SocketAddr, state: State) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopping.load(Ordering::SeqCst) {
                    return;
                }
                // A dropped connection fails at once.
                if let Ok(client) = stream {
                    let _ = State::connect(&shared, client, target);
                }
            }
        });
        Self {
            address,
            state,
            thread: Some(thread),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections, and each new one at once, until [`Proxy::mend`].
    pub(crate) fn cut(&self) {
        self.state.cut.store(true, Ordering::SeqCst);
        self.state.disconnect();
    }

    /// Sets whether produce requests are held back. All other requests pass.
    pub(crate) fn hold_writes(&self, hold: bool) {
        self.state.holds_writes.store(hold, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.state.cut.store(false, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.stopping.store(true, Ordering::SeqCst);
        self.state.disconnect();
        // The connection wakes the proxy's thread.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl State {
    fn connect(this: &Arc<Self>, client: TcpStream, target: SocketAddr) -> std::io::Result<()> {
        // The lock covers both the check and the new connection, so that a cut closes every connection.
        let mut connections = this.connections.lock().unwrap();
        if this.cut.load(Ordering::SeqCst) {
            return Ok(());
        }
        let server = TcpStream::connect(target)?;
        connections.extend([client.try_clone()?, server.try_clone()?]);
        if this.is_kafka {
            forward_requests(client.try_clone()?, server.try_clone()?, Arc::clone(this));
        } else {
            forward(client.try_clone()?, server.try_clone()?);
        }
        forward(server, client);
        Ok(())
    }

    fn disconnect(&self) {
        for stream in self.connections.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// The key of a produce request.
const PRODUCE: [u8; 2] = [0, 0];

/// Forwards requests. A request is its length and then its bytes, which start with a key of two.
fn forward_requests(mut from: TcpStream, mut to: TcpStream, state: Arc<State>) {
    thread::spawn(move || {
        let mut pass = || -> std::io::Result<()> {
            let mut length = [0; 4];
            from.read_exact(&mut length)?;
            let mut request = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
            from.read_exact(&mut request)?;
            while request.starts_with(&PRODUCE)
                && state.holds_writes.load(Ordering::SeqCst)
                && !state.stopping.load(Ordering::SeqCst)
            {
                thread::sleep(Duration::from_millis(20));
            }
            to.write_all(&length)?;
            to.write_all(&request)
        };
        while pass().is_ok() {}
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}

fn forward(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}

#[test]
fn a_cut_ends_connections_and_refuses_new_ones_until_it_is_mended() {
    let echo = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = echo.local_addr().unwrap();
    thread::spawn(move || {
        for stream in echo.incoming().flatten() {
            thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    let proxy = Proxy::start(target);
    let answer = |mut stream: &TcpStream| {
        let mut answer = [0; 2];
        stream
            .write_all(b"hi")
            .and_then(|()| stream.read_exact(&mut answer))
            .map(|()| answer)
    };
    let first = TcpStream::connect(proxy.address()).unwrap();
    assert_eq!(&answer(&first).unwrap(), b"hi");
    proxy.cut();
    assert!(answer(&first).is_err());
    let second = TcpStream::connect(proxy.address()).unwrap();
    assert!(answer(&second).is_err());
    proxy.mend();
    let third = TcpStream::connect(proxy.address()).unwrap();
    assert_eq!(&answer(&third).unwrap(), b"hi");
}
