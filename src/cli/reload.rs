//! `reload`: asks the running exporter to reload its configuration, and waits for the result.

use std::process::ExitCode;
use std::time::Duration;

use super::arguments::ReloadArguments;
use super::failure::{CommandFailure, CommandResult};
use super::{serve, terminal};
use crate::edge::reload_socket;

pub fn run(arguments: &ReloadArguments) -> CommandResult {
    let socket = arguments.socket.clone().or_else(serve::reload_socket_path);
    let socket = socket.ok_or_else(|| {
        CommandFailure::usage(
            "the socket of the exporter is not known, because RUNTIME_DIRECTORY is not set; give --socket, \
             for example --socket /run/ticket-exporter/reload.sock",
        )
    })?;
    let timeout = Duration::from_millis(arguments.timeout.unsigned_abs());
    let result = reload_socket::ask(&socket, timeout).map_err(|error| {
        CommandFailure::other(format!(
            "{}: {error}; check that the exporter is running and that this user may open its socket",
            socket.display()
        ))
    })?;
    let text = result.map_err(CommandFailure::configuration)?;
    terminal::print(&format!("{text}\n"))?;
    Ok(ExitCode::SUCCESS)
}
