//! Runs all checks.

use std::time::Duration;

use super::report::{CheckFinding, CheckReport, CheckVerdict};
use super::{kafka, local};
use crate::config::Config;

/// Each check takes at most `timeout`. Returns the worst verdict.
pub fn check(
    config: &Config,
    timeout: Duration,
    notify: &mut dyn FnMut(&CheckFinding),
) -> CheckVerdict {
    let mut report = CheckReport {
        notify,
        worst: CheckVerdict::Ok,
    };
    let is_running = local::directory(config, timeout, &mut report);
    local::listen(config, is_running, timeout, &mut report);
    let registry = local::schema_registry(config, timeout, &mut report);
    kafka::check(config, registry, timeout, &mut report);
    report.worst
}
