//! `rules`: writes Prometheus rules, or objectives for SLO tools.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use super::arguments::{CommandLineSettings, RulesArguments, RulesFormat};
use super::failure::{CommandFailure, CommandResult};
use super::terminal;
use crate::alerting::{self, Links, RuleOptions};
use crate::config::Config;

pub fn run(settings: &CommandLineSettings, arguments: &RulesArguments) -> CommandResult {
    let config = settings.load()?;
    let (rules, objectives) = (&config.rules, &config.objectives);
    let written = match arguments.format {
        RulesFormat::Prometheus => return prometheus(&config, arguments),
        RulesFormat::Sloth => ("sloth.yml", alerting::sloth(rules, objectives)),
        RulesFormat::Pyrra => ("pyrra.yml", alerting::pyrra(rules, objectives)),
    };
    if rules.policies.is_empty() {
        terminal::notify("no objectives to write: sla.policies is empty");
    }
    match &arguments.output {
        Some(folder) => write(folder, &[(written.0, written.1)])?,
        None => terminal::print(&written.1)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn prometheus(config: &Config, arguments: &RulesArguments) -> CommandResult {
    let options = options(config, arguments);
    let (files, remarks) = alerting::prometheus(&config.rules, &config.objectives, &options);
    for remark in remarks {
        terminal::notify(&remark);
    }
    match &arguments.output {
        Some(folder) => {
            let texts = files
                .iter()
                .map(|file| (file.name, file.text(&options.links)));
            write(folder, &texts.collect::<Vec<_>>())?;
        }
        None => terminal::print(&alerting::text(&files, &options.links))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn options(config: &Config, arguments: &RulesArguments) -> RuleOptions {
    let most_urgent = config.rules.priorities.first();
    let urgent = match arguments.urgent.as_slice() {
        [] => most_urgent.into_iter().cloned().collect(),
        named => named.to_vec(),
    };
    let defaults = RuleOptions::default();
    let url = |given: &Option<String>, default: String| match given {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => default,
    };
    RuleOptions {
        urgent,
        critical_groups: arguments.critical_groups.clone(),
        hold: arguments.hold.unwrap_or(defaults.hold),
        lag: arguments.lag.unwrap_or(defaults.lag),
        oldest: arguments.oldest.unwrap_or(defaults.oldest),
        minimum_goals: arguments.minimum_goals.unwrap_or(defaults.minimum_goals),
        minimum_breaches: arguments
            .minimum_breaches
            .unwrap_or(defaults.minimum_breaches),
        minimum_samples: arguments
            .minimum_samples
            .unwrap_or(defaults.minimum_samples),
        job: arguments.job.clone().unwrap_or(defaults.job),
        links: Links {
            runbooks: url(&arguments.runbook_url, defaults.links.runbooks),
            dashboards: url(&arguments.dashboard_url, defaults.links.dashboards),
        },
    }
}

/// Writes files to a folder, and creates the folder if needed.
fn write(folder: &Path, files: &[(&str, String)]) -> CommandResult<()> {
    let failed = |path: &Path, error| {
        CommandFailure::other(format!("cannot write {}: {error}", path.display()))
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| failed(&path, error))?;
        terminal::notify(&format!("wrote {}", path.display()));
    }
    Ok(())
}
