//! `check-config`: checks a configuration and summarizes it.

use std::process::ExitCode;

use super::arguments::{CheckConfigArguments, CommandLineSettings};
use super::failure::{CommandFailure, CommandResult};
use super::{connect, estimate, terminal};
use crate::app::reload::check_clients;
use crate::config;
use crate::edge::http;

pub fn run(settings: &CommandLineSettings, check: &CheckConfigArguments) -> CommandResult {
    if check.print_reference {
        terminal::print(config::REFERENCE)?;
    } else if check.print_keys {
        terminal::print(&config::keys_table())?;
    } else {
        let loaded = settings.load_with_warnings()?;
        for warning in &loaded.warnings {
            terminal::notify(&format!("warning: {warning}"));
        }
        if let Some(file) = &loaded.config.web.config_file {
            for warning in http::check(file).map_err(CommandFailure::configuration)? {
                terminal::notify(&format!("warning: {warning}"));
            }
        }
        check_clients(&loaded.config.kafka).map_err(CommandFailure::configuration)?;
        if check.estimate {
            return estimate::run(&loaded.config.rules, check);
        }
        if check.connect {
            return connect::run(&loaded.config, check);
        }
        terminal::print(&format!("{}\n", loaded.config.summary()))?;
        terminal::notify("the configuration is valid");
    }
    Ok(ExitCode::SUCCESS)
}
