//! What pages may show and do, as configured: the only settings of theirs that change while they
//! are served.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::Web;

/// See the module. All off at first.
#[derive(Debug, Default)]
pub struct Switches {
    tickets: AtomicBool,
    lifecycle: AtomicBool,
}

impl Switches {
    /// From now on it is as configured here.
    pub fn set(&self, web: &Web) {
        self.tickets.store(web.shows_tickets(), Ordering::Relaxed);
        self.lifecycle
            .store(web.enable_lifecycle, Ordering::Relaxed);
    }

    /// Whether ticket ids may be shown.
    pub fn shows_tickets(&self) -> bool {
        self.tickets.load(Ordering::Relaxed)
    }

    /// Whether the configuration may be loaded again over HTTP.
    pub fn allows_reload(&self) -> bool {
        self.lifecycle.load(Ordering::Relaxed)
    }
}
