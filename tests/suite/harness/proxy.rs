//! A TCP proxy that can be cut: the network between an exporter and its broker.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// Forwards what it is sent, a thread for each direction of a connection. Stops when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    cut: AtomicBool,
    stopping: AtomicBool,
    /// Both ends of each connection so far.
    connections: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Listens on a port of its own; connections go to `target`.
    pub(crate) fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopping.load(Ordering::SeqCst) {
                    return;
                }
                // Dropped, a connection is one that fails at once.
                if let Ok(client) = stream {
                    let _ = shared.connect(client, target);
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
    fn connect(&self, client: TcpStream, target: SocketAddr) -> std::io::Result<()> {
        // The lock is held across the look: a connection is either seen by a cut or not made.
        let mut connections = self.connections.lock().unwrap();
        if self.cut.load(Ordering::SeqCst) {
            return Ok(());
        }
        let server = TcpStream::connect(target)?;
        connections.extend([client.try_clone()?, server.try_clone()?]);
        forward(client.try_clone()?, server.try_clone()?);
        forward(server, client);
        Ok(())
    }

    fn disconnect(&self) {
        for stream in self.connections.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
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
    use std::io::{Read, Write};

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
