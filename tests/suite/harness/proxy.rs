//! A TCP proxy that can be cut: the network between an exporter and its broker.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Forwards what it is sent, a thread for each direction of a connection. Stops when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    /// Clients send requests of Kafka's protocol.
    is_kafka: bool,
    /// Requests that write records are not passed on.
    holds_writes: AtomicBool,
    cut: AtomicBool,
    stopping: AtomicBool,
    /// Both ends of each connection so far.
    connections: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Listens on a port of its own; connections go to `target`.
    pub(crate) fn start(target: SocketAddr) -> Self {
        Self::start_with(target, State::default())
    }

    /// The same for clients of Kafka, whose writes can be held.
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
                // Dropped, a connection is one that fails at once.
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

    /// Ends all connections, and each new one at once, until [`Proxy::mend`].
    pub(crate) fn cut(&self) {
        self.state.cut.store(true, Ordering::SeqCst);
        self.state.disconnect();
    }

    /// A broker that confirms no record from now on and answers everything else, or no longer.
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
        // The connection wakes it.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl State {
    fn connect(this: &Arc<Self>, client: TcpStream, target: SocketAddr) -> std::io::Result<()> {
        // The lock is held across the look: a connection is either seen by a cut or not made.
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

/// The key of a request that writes records.
const PRODUCE: [u8; 2] = [0, 0];

/// Passes requests on. A request is its length and then its bytes, which begin with a key of two.
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
