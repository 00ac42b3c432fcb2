//! `rules`: writes Prometheus rules, or objectives for SLO tools.

use std::path::Path;
use std::process::ExitCode;

use super::arguments::{CommandLineSettings, RulesArguments, RulesFormat};
use super::failure::{CommandFailure, CommandResult};
use super::terminal;
use crate::alerting::{self, Links, RuleOptions};
use crate::app::mixin;
use crate::config::Config;
use crate::edge::output_files::{self, Existing};

pub fn run(settings: &CommandLineSettings, arguments: &RulesArguments) -> CommandResult {
    if !arguments.labels.is_empty() && arguments.format != RulesFormat::Prometheusrule {
        return Err(CommandFailure::usage(
            "--label is for --format prometheusrule: only that object has labels",
        ));
    }
    let config = settings.load()?;
    let files = match arguments.format {
        RulesFormat::Sloth | RulesFormat::Pyrra => objectives(&config, arguments.format),
        RulesFormat::Prometheus | RulesFormat::Prometheusrule | RulesFormat::Mixin => {
            rules(&config, arguments)
        }
    };
    match (&arguments.output, files.as_slice()) {
        (Some(folder), files) => write(folder, files)?,
        (None, [(_, text)]) => terminal::print(text)?,
        (None, _) => {
            return Err(CommandFailure::usage(
                "--format mixin gives several files; name a folder for them with --output",
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Objectives for an SLO tool.
fn objectives(config: &Config, format: RulesFormat) -> Vec<(String, String)> {
    let (rules, objectives) = (&config.rules, &config.objectives);
    if rules.policies.is_empty() {
        terminal::notify("no objectives to write: sla.policies is empty");
    }
    let (name, text) = match format {
        RulesFormat::Pyrra => ("pyrra.yml", alerting::pyrra(rules, objectives)),
        _ => ("sloth.yml", alerting::sloth(rules, objectives)),
    };
    vec![(name.to_owned(), text)]
}

/// Rules as files, by name and text. Without a folder to write to, rule files are joined.
fn rules(config: &Config, arguments: &RulesArguments) -> Vec<(String, String)> {
    let options = options(config, arguments);
    let (files, remarks) = alerting::prometheus(&config.rules, &config.objectives, &options);
    for remark in remarks {
        terminal::notify(&remark);
    }
    let links = &options.links;
    match arguments.format {
        RulesFormat::Prometheusrule => {
            let text = alerting::prometheus_rule(&files, &arguments.labels, links);
            vec![("prometheusrule.yaml".to_owned(), text)]
        }
        RulesFormat::Mixin => mixin::files(&files, links),
        _ if arguments.output.is_none() => {
            vec![("rules.yml".to_owned(), alerting::text(&files, links))]
        }
        _ => {
            let files = files.iter();
            files
                .map(|file| (file.name.to_owned(), file.text(links)))
                .collect()
        }
    }
}

fn options(config: &Config, arguments: &RulesArguments) -> RuleOptions {
    let defaults = RuleOptions::of(&config.rules);
    let urgent = match arguments.urgent.as_slice() {
        [] => defaults.urgent,
        named => named.to_vec(),
    };
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

/// Replaces the files of an earlier run, which follow the configuration.
fn write(folder: &Path, files: &[(String, String)]) -> CommandResult<()> {
    let written = output_files::write(folder, files, Existing::Replace);
    let written = written.map_err(CommandFailure::other)?;
    for (name, _) in files {
        let path = folder.join(name);
        let outcome = if written.contains(&path) {
            "wrote"
        } else {
            "unchanged:"
        };
        terminal::notify(&format!("{outcome} {}", path.display()));
    }
    Ok(())
}
