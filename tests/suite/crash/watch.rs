//! A client that scrapes all the time and checks that no number is ever taken back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::end_to_end::{Values, cumulative, kpis};
use crate::harness::{Exporter, Scrape, get, scrape};

const BETWEEN_SCRAPES: Duration = Duration::from_millis(100);

/// Limits the number of complaints.
const COMPLAINTS: usize = 20;

#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Scrapes without a good answer.
    pub(crate) failed: usize,
    /// Scrapes without any series about tickets.
    pub(crate) withheld: usize,
    /// Scrapes with series about tickets.
    pub(crate) served: usize,
    /// Scrapes that showed more than the one before.
    pub(crate) risen: usize,
    complaints: Vec<String>,
    last: Values,
}

impl Seen {
    fn look(&mut self, scrape: &Scrape, check: &Check) {
        let now = cumulative(&kpis(scrape));
        if now.is_empty() {
            self.withheld += 1;
            return;
        }
        self.served += 1;
        if let Err(complaint) = check(scrape) {
            self.complain(complaint);
        }
        let last = std::mem::take(&mut self.last);
        self.risen += usize::from(now != last);
        for (series, before) in last {
            match now.get(&series) {
                None => self.complain(format!("{series} was {before} and is gone")),
                Some(after) if *after < before => {
                    self.complain(format!("{series} fell from {before} to {after}"));
                }
                Some(_) => {}
            }
        }
        self.last = now;
    }

    fn complain(&mut self, complaint: String) {
        if self.complaints.len() < COMPLAINTS {
            self.complaints.push(complaint);
        }
    }
}

type Check = dyn Fn(&Scrape) -> Result<(), String> + Send;

/// A thread that scrapes until the test asks for the result. The exporter may restart on its port.
#[derive(Debug)]
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Seen>>,
}

impl Watch {
    pub(crate) fn start(exporter: &Exporter) -> Self {
        Self::start_with(exporter, |_| Ok(()))
    }

    /// Each scrape with tickets must also pass this check.
    pub(crate) fn start_with(
        exporter: &Exporter,
        check: impl Fn(&Scrape) -> Result<(), String> + Send + 'static,
    ) -> Self {
        let url = exporter.url("/metrics");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut seen = Seen::default();
            while !stopped.load(Ordering::Relaxed) {
                match get(&url) {
                    Ok(response) if response.status == 200 => {
                        seen.look(&scrape(&response.text()), &check);
                    }
                    // The exporter is killed now and then; a partial answer counts as none.
                    _ => seen.failed += 1,
                }
                thread::sleep(BETWEEN_SCRAPES);
            }
            seen
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }

    /// Returns the result; fails if any scrape was wrong.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.thread.take().unwrap().join().unwrap();
        assert!(
            seen.complaints.is_empty(),
            "scraped {} times:\n  {}",
            seen.served,
            seen.complaints.join("\n  ")
        );
        assert!(seen.served > 0, "nothing was ever served");
        seen
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[test]
fn falling_or_missing_series_are_noticed() {
    let complaints = |texts: &[&str]| {
        let mut seen = Seen::default();
        for text in texts {
            seen.look(&scrape(text), &|_| Ok(()));
        }
        (seen.complaints.len(), seen.risen, seen.withheld)
    };
    let [one, two] = [
        "ticket_created_total{team=\"a\"} 1\n",
        "ticket_created_total{team=\"a\"} 2\n",
    ];
    assert_eq!(complaints(&[one, two, "", two]), (0, 2, 1));
    assert_eq!(complaints(&[two, "", one]), (1, 2, 1));
    assert_eq!(complaints(&[two, "ticket_replies_total 3\n"]), (1, 2, 0));
}
