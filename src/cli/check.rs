//! `check-config`: is a configuration sound, and what does it mean?

use std::process::ExitCode;

use super::arguments::{CheckConfig, Settings};
use super::failure::Failure;
use super::{connect, estimate, terminal};
use crate::app::reload::check_clients;
use crate::config;
use crate::edge::http;

pub fn run(settings: &Settings, check: &CheckConfig) -> Result<ExitCode, Failure> {
    if check.print_reference {
        terminal::print(config::REFERENCE)?;
    } else if check.print_keys {
        terminal::print(&config::keys_table())?;
    } else {
        let loaded = settings.load_with_warnings()?;
        for warning in &loaded.warnings {
            terminal::complain(&format!("warning: {warning}"));
        }
        if let Some(file) = &loaded.config.web.config_file {
            for warning in http::check(file).map_err(Failure::configuration)? {
                terminal::complain(&format!("warning: {warning}"));
            }
        }
        check_clients(&loaded.config.kafka).map_err(Failure::configuration)?;
        if check.estimate {
            return estimate::run(&loaded.config.rules, check);
        }
        if check.connect {
            return connect::run(&loaded.config, check);
        }
        terminal::print(&format!("{}\n", loaded.config.summary()))?;
        terminal::complain("the configuration is sound");
    }
    Ok(ExitCode::SUCCESS)
}
