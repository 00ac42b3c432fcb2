//! `dashboards`: prints or writes the dashboards for Grafana, or uploads them.

use std::env;
use std::path::{self, Path};
use std::process::ExitCode;
use std::time::Duration;

use super::arguments::{DashboardsArguments, DashboardsFormat};
use super::failure::{CommandFailure, CommandResult};
use super::terminal;
use crate::dashboards::{Dashboard, config_maps, file_provider};
use crate::edge::files::read_secret;
use crate::edge::grafana::GrafanaClient;
use crate::edge::output_files::{self, Existing, OutputFilesError};

/// This environment variable has the token, as for other tools of Grafana.
const TOKEN_VARIABLE: &str = "GRAFANA_TOKEN";
/// The default title of the folder in Grafana.
const FOLDER: &str = "Tickets";
/// The folder of the dashboards beside the file of the provider.
const PROVIDED: &str = "tickets";

pub fn run(arguments: &DashboardsArguments) -> CommandResult {
    let mut dashboards = Dashboard::all(arguments.datasource.as_deref());
    if !arguments.names.is_empty() {
        let is_named = |uid: &str| arguments.names.iter().any(|name| name == uid);
        dashboards.retain(|dashboard| is_named(dashboard.uid));
    }
    let title = arguments.folder.as_deref().unwrap_or(FOLDER);
    match (&arguments.url, &arguments.output) {
        (Some(url), _) => upload(url, &dashboards, title, arguments)?,
        (None, _) if arguments.folder.is_some() && arguments.format == DashboardsFormat::Json => {
            return Err(CommandFailure::usage(
                "--folder has no effect on --format json: choose the folder in Grafana at the import, or use another \
                 format or --url",
            ));
        }
        (None, Some(folder)) => write(folder, &dashboards, title, arguments)?,
        (None, None) => print(&dashboards, title, arguments.format)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn print(dashboards: &[Dashboard], title: &str, format: DashboardsFormat) -> CommandResult<()> {
    let text = match format {
        DashboardsFormat::Json => dashboards.iter().map(|one| one.text.as_str()).collect(),
        DashboardsFormat::Configmap => config_maps(dashboards, title),
        DashboardsFormat::Provisioning => {
            return Err(CommandFailure::usage(
                "--format provisioning gives several files; name a folder for them with --output",
            ));
        }
    };
    Ok(terminal::print(&text)?)
}

fn write(
    folder: &Path,
    dashboards: &[Dashboard],
    title: &str,
    arguments: &DashboardsArguments,
) -> CommandResult<()> {
    let one_each = |prefix: &str| -> Vec<(String, String)> {
        let dashboards = dashboards.iter();
        dashboards
            .map(|one| (format!("{prefix}{}", one.file_name()), one.text.clone()))
            .collect()
    };
    let files = match arguments.format {
        DashboardsFormat::Json => one_each(""),
        DashboardsFormat::Configmap => {
            let maps = config_maps(dashboards, title);
            vec![("ticket-dashboards.yaml".to_owned(), maps)]
        }
        DashboardsFormat::Provisioning => {
            let provided = path::absolute(folder.join(PROVIDED))?;
            let provided = provided.display().to_string();
            let provider = file_provider(title, &provided);
            let mut files = one_each(&format!("{PROVIDED}/"));
            files.push(("tickets.yaml".to_owned(), provider));
            files
        }
    };
    let existing = if arguments.force {
        Existing::Replace
    } else {
        Existing::Keep
    };
    let written = output_files::write(folder, &files, existing).map_err(|error| match error {
        OutputFilesError::Different(_) => CommandFailure::other(format!(
            "{error}. Give --force to replace them, or another --output"
        )),
        error => CommandFailure::other(error),
    })?;
    for path in &written {
        terminal::notify(&format!("wrote {}", path.display()));
    }
    if written.is_empty() {
        terminal::notify("nothing to write: all files are up to date");
    }
    Ok(())
}

fn upload(
    url: &str,
    dashboards: &[Dashboard],
    title: &str,
    arguments: &DashboardsArguments,
) -> CommandResult<()> {
    let token = token(arguments)?;
    let timeout = Duration::from_millis(arguments.timeout.unsigned_abs());
    let ca_file = arguments.ca_file.as_deref();
    let client =
        GrafanaClient::new(url, &token, ca_file, timeout).map_err(CommandFailure::other)?;
    let folder = client.folder(title).map_err(CommandFailure::other)?;
    for dashboard in dashboards {
        let outcome = client
            .upload(dashboard, &folder)
            .map_err(CommandFailure::other)?;
        terminal::notify(&format!("{}: {url}/d/{}", outcome.name(), dashboard.uid));
    }
    Ok(())
}

fn token(arguments: &DashboardsArguments) -> CommandResult<String> {
    let token = match &arguments.token_file {
        Some(path) => read_secret(path).map_err(|error| {
            CommandFailure::other(format!("--token-file: {}: {error}", path.display()))
        })?,
        None => env::var(TOKEN_VARIABLE).unwrap_or_default(),
    };
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(CommandFailure::usage(format!(
            "there is no token for Grafana, or it has more than one word; name a file that contains only the token \
             with --token-file, or set {TOKEN_VARIABLE}"
        )));
    }
    Ok(token)
}
