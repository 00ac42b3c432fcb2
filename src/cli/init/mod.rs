//! `init`: writes the files to start with.

mod questions;

use std::path::Path;
use std::process::ExitCode;

use super::arguments::{CommandLineSettings, InitArguments};
use super::failure::{CommandFailure, CommandResult};
use super::{history, terminal};
use crate::app::history::EventHistory;
use crate::app::inference;
use crate::app::init::{
    self, CONFIGURATION_FILE, Deployment, NO_TARGETS, SampleFindings, SampleTargets, StarterAnswers,
};
use crate::app::samples::{self, SampleRecord};
use crate::config::Config;
use crate::decode::{Decoder, Record};
use crate::edge::files::STANDARD_INPUT;
use crate::edge::output_files::{self, Existing, OutputFilesError};
use crate::edge::record_files::RecordFile;

pub fn run(settings: &CommandLineSettings, arguments: &InitArguments) -> CommandResult {
    if arguments
        .files
        .iter()
        .any(|path| path == Path::new(STANDARD_INPUT))
    {
        return Err(CommandFailure::usage(
            "cannot read standard input several times; give a file",
        ));
    }
    let config = settings.load()?;
    let answers = questions::answers(arguments, &config.kafka)?;
    let samples = samples(config, arguments, &answers)?;
    let records: Vec<Record<'_>> = samples.iter().map(SampleRecord::record).collect();
    let Some(proposal) = inference::propose(&records) else {
        return Err(CommandFailure::other(format!(
            "no member of the {} records is clearly the id of a ticket; give JSON or CSV, several records of each of \
             several tickets. Nothing was written",
            records.len()
        )));
    };
    terminal::notify(&proposal.trial.summary());
    let is_table = has_table(arguments)?;
    let mapping = if is_table {
        init::mapping_of_table(&proposal.yaml, &answers)
    } else {
        proposal.yaml
    };
    let decoder = Decoder::new(&init::load(&mapping)?.config.mapping);
    let findings = init::find(&records, &decoder);
    let draft = init::configuration(&answers, &mapping, &findings, NO_TARGETS);
    let draft = init::load(&draft)?.config;
    let targets = targets(&draft, arguments, &samples, decoder)?;
    let yaml = init::configuration(&answers, &mapping, &findings, &targets.yaml);
    let loaded = init::load(&yaml)?;
    let files = init::files(yaml, &loaded.config, answers.deployment);
    let written = output_files::write(&arguments.output, &files, Existing::Refuse);
    let written = written.map_err(|error| match error {
        OutputFilesError::Exist(_) => {
            CommandFailure::other(format!("{error}. Remove them, or give another --output"))
        }
        error => CommandFailure::other(error),
    })?;
    for path in written {
        terminal::notify(&format!("wrote {}", path.display()));
    }
    for warning in loaded.warnings {
        terminal::notify(&format!("warning: {warning}"));
    }
    report(&findings, &targets);
    terminal::print(&next_steps(arguments, &answers, is_table))?;
    Ok(ExitCode::SUCCESS)
}

fn samples(
    config: Config,
    arguments: &InitArguments,
    answers: &StarterAnswers,
) -> CommandResult<Vec<SampleRecord>> {
    let mut all = Vec::new();
    for path in &arguments.files {
        all.extend(samples::read(path, arguments.envelope).map_err(CommandFailure::other)?);
    }
    if arguments.files.is_empty() {
        let mut kafka = config.kafka;
        kafka.brokers.clone_from(&answers.brokers);
        all = init::topic_samples(&kafka, &answers.topic).map_err(CommandFailure::other)?;
    }
    Ok(all)
}

/// Whether a file is a table, whose rows are not the records of the topic.
fn has_table(arguments: &InitArguments) -> CommandResult<bool> {
    for path in &arguments.files {
        let file = RecordFile::open(path).map_err(|error| {
            CommandFailure::other(format!("cannot read {}: {error}", path.display()))
        })?;
        if file.is_table() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Suggests targets from the sample. Files are read again, because the rows of a table have to be sorted.
fn targets(
    draft: &Config,
    arguments: &InitArguments,
    samples: &[SampleRecord],
    decoder: Decoder,
) -> CommandResult<SampleTargets> {
    let history = if arguments.files.is_empty() || arguments.envelope {
        EventHistory::of_samples(samples, decoder).map_err(history::failure)?
    } else {
        EventHistory::Files(history::files(draft, &arguments.files)?)
    };
    init::sample_targets(draft, &history).map_err(history::failure)
}

fn report(findings: &SampleFindings, targets: &SampleTargets) {
    let SampleFindings {
        teams,
        teams_left_out,
        priorities,
        attributes,
        ..
    } = findings;
    terminal::notify(&format!(
        "found {} teams, {} priorities and {} attributes, and suggests {} SLA policies",
        teams.len(),
        priorities.len(),
        attributes.len(),
        targets.policies
    ));
    if *teams_left_out > 0 {
        terminal::notify(&format!(
            "left out {teams_left_out} teams: rare ones, or names that could be a person's; add the right ones to \
             teams.known and to the routes"
        ));
    }
}

fn next_steps(arguments: &InitArguments, answers: &StarterAnswers, is_table: bool) -> String {
    let folder = arguments.output.display();
    let config = arguments.output.join(CONFIGURATION_FILE);
    let config = config.display();
    let files: Vec<String> = arguments
        .files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let files = files.join(" ");
    let try_out = if arguments.files.is_empty() {
        format!("suggest-targets --config.file {config}")
    } else if arguments.envelope {
        format!("test-mapping --config.file {config} --envelope {files}")
    } else {
        format!("replay --config.file {config} --format table {files}")
    };
    let start = match answers.deployment {
        Deployment::Compose => format!("docker compose --project-directory {folder} up"),
        Deployment::Helm => format!("the command at the top of {folder}/values.yaml"),
        Deployment::None => format!("ticket-exporter --config.file {config}"),
    };
    let fill = if is_table {
        let topic = &answers.topic;
        format!("  ticket-exporter import --config.file {config} --topic {topic} {files}\n")
    } else {
        String::new()
    };
    format!(
        "Next, fill in the holidays, check the configuration, try it on the sample, and start:\n  \
         ticket-exporter check-config --config.file {config} --connect\n  \
         ticket-exporter {try_out}\n{fill}  {start}\n"
    )
}
