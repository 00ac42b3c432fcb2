//! What the reading thread is told. It looks between two batches, does what it is told, and says
//! when that is done.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::config::{Changes, Config};
use crate::edge::schema_registry::SchemaRegistryClient;

/// A configuration to work by from now on.
#[derive(Debug)]
pub struct Order {
    pub config: Config,
    /// What of it differs from the one before.
    pub changes: Changes,
    /// `None`: it stays as it was.
    pub schema_registry: Option<Option<Arc<SchemaRegistryClient>>>,
}

/// What came of an order: it is done, or why everything stays as it was.
pub type Done = Result<(), String>;

/// See the module. Clones are the same orders.
#[derive(Clone, Debug, Default)]
pub struct Orders(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// There is something to do besides reading.
    halt: AtomicBool,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    stop: bool,
    /// Nobody reads any more.
    closed: bool,
    order: Option<(Order, oneshot::Sender<Done>)>,
}

impl Orders {
    /// Reading is to end.
    pub fn stop(&self) {
        self.lock().stop = true;
        self.0.halt.store(true, Ordering::Relaxed);
    }

    /// Gives an order. The receiver gets an error where nobody reads any more. One at a time: it
    /// takes the place of another that nobody has taken.
    pub fn give(&self, order: Order) -> oneshot::Receiver<Done> {
        let (done, answer) = oneshot::channel();
        let mut told = self.lock();
        if !told.closed {
            told.order = Some((order, done));
            self.0.halt.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Set where there is something to do besides reading.
    pub fn halt(&self) -> &AtomicBool {
        &self.0.halt
    }

    pub fn is_halted(&self) -> bool {
        self.0.halt.load(Ordering::Relaxed)
    }

    pub fn is_stopped(&self) -> bool {
        self.lock().stop
    }

    /// The order that waits, unless reading is to end anyway.
    pub fn take(&self) -> Option<(Order, oneshot::Sender<Done>)> {
        let mut told = self.lock();
        let order = told.order.take();
        self.0.halt.store(told.stop, Ordering::Relaxed);
        order.filter(|_| !told.stop)
    }

    /// Takes back an order that the reading thread has not begun; whether there was one.
    pub fn withdraw(&self) -> bool {
        let mut told = self.lock();
        let withdrawn = told.order.take().is_some();
        self.0.halt.store(told.stop, Ordering::Relaxed);
        withdrawn
    }

    /// Nobody reads any more: whoever waits for an order hears of it.
    pub fn close(&self) {
        let mut told = self.lock();
        told.closed = true;
        told.order = None;
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        // Nothing panics while it holds the lock.
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        Order {
            config: Config::default(),
            changes: Changes::default(),
            schema_registry: None,
        }
    }

    #[test]
    fn an_order_is_taken_once_and_answered() {
        let orders = Orders::default();
        assert!(orders.take().is_none());
        let mut answer = orders.give(order());
        assert!(orders.is_halted());
        let (_, done) = orders.take().unwrap();
        assert!(!orders.is_halted() && orders.take().is_none());
        done.send(Err("no".to_owned())).unwrap();
        assert_eq!(answer.try_recv(), Ok(Err("no".to_owned())));
    }

    #[test]
    fn an_order_can_be_withdrawn_until_it_is_begun() {
        let orders = Orders::default();
        let mut answer = orders.give(order());
        assert!(orders.withdraw() && !orders.is_halted());
        assert!(answer.try_recv().is_err() && orders.take().is_none());
        let _answer = orders.give(order());
        let _taken = orders.take().unwrap();
        assert!(!orders.withdraw(), "it is being done");
    }

    #[test]
    fn a_stop_comes_before_an_order() {
        let orders = Orders::default();
        let mut answer = orders.give(order());
        orders.stop();
        assert!(orders.take().is_none());
        assert!(orders.is_halted() && orders.is_stopped());
        assert!(answer.try_recv().is_err(), "who waits hears of it");
        orders.close();
        assert!(orders.give(order()).try_recv().is_err());
        assert!(orders.take().is_none());
    }
}
