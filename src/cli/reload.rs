//! `reload`: has the running exporter load its configuration again, and waits for the outcome.

use std::process::ExitCode;
use std::time::Duration;

use super::arguments::Reload;
use super::failure::Failure;
use super::{serve, terminal};
use crate::edge::reload_socket;

pub fn run(arguments: &Reload) -> Result<ExitCode, Failure> {
    let socket = arguments.socket.clone().or_else(serve::reload_socket_path);
    let socket = socket.ok_or_else(|| {
        Failure::usage(
            "reload: RUNTIME_DIRECTORY is not set, so the socket of the exporter is not known; give --socket, such \
             as --socket /run/ticket-exporter/reload.sock",
        )
    })?;
    let patience = Duration::from_millis(arguments.timeout.unsigned_abs());
    let outcome = reload_socket::ask(&socket, patience).map_err(|error| {
        Failure::other(format!(
            "{}: {error}; is the exporter running, and may this user reach its socket?",
            socket.display()
        ))
    })?;
    let text = outcome.map_err(Failure::configuration)?;
    terminal::print(&format!("{text}\n"))?;
    Ok(ExitCode::SUCCESS)
}
