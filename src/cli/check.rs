//! `check-config`: is a configuration sound, and what does it mean?

use std::process::ExitCode;

use super::arguments::{CheckConfig, Settings};
use super::failure::Failure;
use super::{estimate, terminal};
use crate::config::{self, Kafka};
use crate::edge::kafka::{self, StartError};

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
        check_properties(&loaded.config.kafka).map_err(Failure::configuration)?;
        if check.estimate {
            return estimate::run(&loaded.config.rules, check);
        }
        terminal::print(&format!("{}\n", loaded.config.summary()))?;
        terminal::complain("the configuration is sound");
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the Kafka clients that `serve` starts would take their properties.
fn check_properties(kafka: &Kafka) -> Result<(), StartError> {
    let settings = kafka::Settings::from(kafka);
    settings.check()?;
    if kafka.dead_letter_topic.is_some() {
        settings.connection.check_producer()?;
    }
    Ok(())
}
