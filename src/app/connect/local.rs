//! Checks the directory, the listen addresses and the schema registry.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::report::{CheckReport, within};
use crate::app::recovery::{self, RecoveryError};
use crate::config::Config;
use crate::decode::SchemaId;
use crate::edge::http::try_listen;
use crate::edge::schema_registry::{SchemaLookupError, SchemaRegistryClient};
use crate::edge::store::{StoreDirectory, StoreError};
use crate::engine::STATE_VERSION;

/// An id that no registry gives: ids begin with 1.
const NO_SCHEMA: SchemaId = SchemaId::Number(0);

/// Checks the checkpoint directory and its store. Returns whether an exporter uses it now.
pub(super) fn directory(config: &Config, timeout: Duration, report: &mut CheckReport<'_>) -> bool {
    const SUBJECT: &str = "checkpoint.directory";
    let path = config.checkpoint.directory.clone();
    let shown = path.display().to_string();
    if !path.exists() {
        match within(timeout, move || writable_above(&path)) {
            Err(late) => report.error(SUBJECT, late.to_string()),
            Ok(Ok(())) => report.ok(SUBJECT, format!("{shown} will be made")),
            Ok(Err(error)) => report.error(
                SUBJECT,
                format!(
                    "{shown} cannot be made ({error}): make it, writable for this user, or set \
                     another one"
                ),
            ),
        }
        return false;
    }
    let tried = within(timeout, move || {
        let locked = StoreDirectory::lock(&path, STATE_VERSION);
        let written = tempfile::tempfile_in(&path);
        (locked.map(drop), written.map(drop))
    });
    let is_running = match tried {
        Err(late) => {
            report.error(SUBJECT, late.to_string());
            return false;
        }
        Ok((Ok(()), Ok(()))) => {
            report.ok(SUBJECT, format!("{shown} is writable and free"));
            false
        }
        Ok((Err(error @ StoreError::Locked { .. }), _)) => {
            report.warning(
                SUBJECT,
                format!("{error}. Where that is the exporter of this configuration, all is well"),
            );
            true
        }
        Ok((Err(error), _)) => {
            report.error(SUBJECT, error.to_string());
            return false;
        }
        Ok((_, Err(error))) => {
            report.error(
                SUBJECT,
                format!("{shown} cannot be written ({error}): let this user write there"),
            );
            return false;
        }
    };
    stored(config, report);
    is_running
}

/// Checks whether the stored numbers can go on under the configuration.
fn stored(config: &Config, report: &mut CheckReport<'_>) {
    const SUBJECT: &str = "stored numbers";
    match recovery::predict(config) {
        Err(RecoveryError::NoCheckpoint(_)) => {
            report.ok(
                SUBJECT,
                "none yet: the first start reads from the earliest records",
            );
        }
        Ok(None) => report.ok(SUBJECT, "they go on under this configuration"),
        Ok(Some(reason)) => report.warning(
            SUBJECT,
            format!("the next start sets them aside and counts everything again: {reason}"),
        ),
        Err(error) => report.error(SUBJECT, error.to_string()),
    }
}

/// A missing directory is created in the nearest existing one.
fn writable_above(path: &Path) -> io::Result<()> {
    let mut above = path.ancestors().skip(1);
    let there = above.find(|one| one.as_os_str().is_empty() || one.exists());
    let there = there.filter(|one| !one.as_os_str().is_empty());
    tempfile::tempfile_in(there.unwrap_or(Path::new("."))).map(drop)
}

/// Checks whether the addresses are free.
pub(super) fn listen(
    config: &Config,
    is_running: bool,
    timeout: Duration,
    report: &mut CheckReport<'_>,
) {
    for address in &config.web.listen {
        let subject = format!("web.listen {address}");
        let tried = address.clone();
        match within(timeout, move || try_listen(&tried)) {
            Err(late) => report.error(&subject, late.to_string()),
            Ok(Ok(())) => report.ok(&subject, "free"),
            Ok(Err(error)) if is_running && error.kind() == io::ErrorKind::AddrInUse => report
                .warning(
                    &subject,
                    "taken, as it has to be while the exporter is running",
                ),
            Ok(Err(error)) if error.kind() == io::ErrorKind::AddrInUse => report.error(
                &subject,
                "another process listens there: stop it, or set another address",
            ),
            Ok(Err(error)) => report.error(
                &subject,
                format!("cannot listen there ({error}): set an address of this machine"),
            ),
        }
    }
}

/// Checks whether the schema registry answers; `true` if none is configured.
pub(super) fn schema_registry(
    config: &Config,
    timeout: Duration,
    report: &mut CheckReport<'_>,
) -> bool {
    let Some(settings) = &config.schema_registry else {
        return true;
    };
    const SUBJECT: &str = "schema_registry";
    let client = match SchemaRegistryClient::new(settings) {
        Ok(client) => client,
        Err(error) => {
            report.error(SUBJECT, error.to_string());
            return false;
        }
    };
    match within(timeout, move || client.schema(NO_SCHEMA)) {
        // The registry answered; it does not know the id.
        Ok(Ok(_) | Err(SchemaLookupError::Unknown | SchemaLookupError::Unusable(_))) => {
            report.ok(SUBJECT, "it answers");
            return true;
        }
        Ok(Err(error)) => report.error(
            SUBJECT,
            format!("{error}: check schema_registry.url and the login"),
        ),
        Err(late) => report.error(SUBJECT, late.to_string()),
    }
    false
}
