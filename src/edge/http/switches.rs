//! The settings of the pages that a reload can change.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::Web;

/// All off at first.
#[derive(Debug, Default)]
pub struct Switches {
    tickets: AtomicBool,
    lifecycle: AtomicBool,
}

impl Switches {
    pub fn set(&self, web: &Web) {
        self.tickets.store(web.shows_tickets(), Ordering::Relaxed);
        self.lifecycle
            .store(web.enable_lifecycle, Ordering::Relaxed);
    }

    pub fn shows_tickets(&self) -> bool {
        self.tickets.load(Ordering::Relaxed)
    }

    pub fn allows_reload(&self) -> bool {
        self.lifecycle.load(Ordering::Relaxed)
    }
}
