//! Waits for other processes, and finds free ports for them.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often a condition is checked: short against the seconds that processes need, long enough to leave
/// them the processor.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Below the range of Linux's ephemeral ports (from 32768), so that no outgoing connection takes a free
/// port before a process listens on it.
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 12_000;

/// Repeats `ask` until it returns `Ok`, and returns the value. After `timeout` it fails with `what` and the
/// last error.
#[track_caller]
pub(crate) fn eventually<T>(
    what: &str,
    timeout: Duration,
    mut ask: impl FnMut() -> Result<T, String>,
) -> T {
    let start = Instant::now();
    loop {
        match ask() {
            Ok(value) => return value,
            Err(answer) if start.elapsed() >= timeout => {
                panic!("waited {timeout:?} for {what}: {answer}")
            }
            Err(_) => thread::sleep(POLL_INTERVAL),
        }
    }
}

/// A loopback port on which no process listens. Test processes start at different places of the range, so
/// that two of them rarely try the same port.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() * 61 % u32::from(PORTS)).unwrap();
    for _ in 0..PORTS {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % PORTS;
        let port = FIRST_PORT + (start + step) % PORTS;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!(
        "no free port between {FIRST_PORT} and {}",
        FIRST_PORT + PORTS
    )
}

#[test]
fn the_last_error_is_in_the_failure() {
    let waiting = std::panic::catch_unwind(|| {
        eventually::<()>("a sign", Duration::from_millis(1), || {
            Err("nothing yet".to_owned())
        });
    });
    let message = *waiting.unwrap_err().downcast::<String>().unwrap();
    assert!(
        message.contains("a sign") && message.contains("nothing yet"),
        "{message}"
    );
}

#[test]
fn ports_differ() {
    let ports = std::collections::BTreeSet::from([free_port(), free_port(), free_port()]);
    assert_eq!(ports.len(), 3);
}
