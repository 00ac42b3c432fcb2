//! Asks on a terminal for the answers that no flag gives.

use std::io::{self, BufRead as _, IsTerminal as _};

use crate::app::init::{Deployment, OpeningHours, StarterAnswers};
use crate::cli::arguments::{InitArguments, deployment, hours, zone};
use crate::cli::failure::{CommandFailure, CommandResult};
use crate::cli::terminal;
use crate::config::Kafka;

const UNIVERSAL: &str = "UTC";

/// `kafka` has the defaults of brokers and topic.
///
/// # Errors
/// A flag is missing, and standard input is no terminal.
pub fn answers(arguments: &InitArguments, kafka: &Kafka) -> CommandResult<StarterAnswers> {
    if !io::stdin().is_terminal() {
        refuse_missing(arguments)?;
    }
    let brokers = match arguments.brokers.as_slice() {
        [] => ask("Kafka brokers", &kafka.brokers.join(","), list)?,
        given => given.to_vec(),
    };
    let first_topic = kafka.topics.first().map_or("", String::as_str);
    let topic = given_or(&arguments.topic, "Topic", first_topic, name)?;
    let question = "Business hours, or 24x7";
    let hours = given_or(&arguments.hours, question, OpeningHours::USUAL, hours)?;
    let zone = match &arguments.timezone {
        None if hours.is_always() => UNIVERSAL.to_owned(),
        given => given_or(given, "Their time zone", UNIVERSAL, zone)?,
    };
    let question = "Deploy with compose, helm or none";
    let usual = Deployment::Compose.name();
    Ok(StarterAnswers {
        brokers,
        topic,
        zone,
        hours,
        deployment: given_or(&arguments.deploy, question, usual, deployment)?,
    })
}

fn refuse_missing(arguments: &InitArguments) -> CommandResult<()> {
    let is_always = arguments
        .hours
        .as_ref()
        .is_some_and(OpeningHours::is_always);
    let flags = [
        ("--brokers", !arguments.brokers.is_empty()),
        ("--topic", arguments.topic.is_some()),
        ("--hours", arguments.hours.is_some()),
        ("--timezone", arguments.timezone.is_some() || is_always),
        ("--deploy", arguments.deploy.is_some()),
    ];
    let missing = flags.iter().filter(|(_, is_given)| !is_given);
    let missing: Vec<&str> = missing.map(|(flag, _)| *flag).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(CommandFailure::usage(format!(
        "{}: missing, and standard input is no terminal to ask on; add the flags",
        missing.join(", ")
    )))
}

fn given_or<T: Clone>(
    given: &Option<T>,
    question: &str,
    default: &str,
    parse: fn(&str) -> Result<T, String>,
) -> CommandResult<T> {
    match given {
        Some(given) => Ok(given.clone()),
        None => ask(question, default, parse),
    }
}

/// Asks until the answer is valid. An empty line is the default.
fn ask<T>(question: &str, default: &str, parse: fn(&str) -> Result<T, String>) -> CommandResult<T> {
    loop {
        terminal::ask(&format!("{question} [{default}]: "))?;
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line)? == 0 {
            return Err(CommandFailure::usage(
                "the answers ended; nothing was written",
            ));
        }
        let answer = match line.trim() {
            "" => default,
            answer => answer,
        };
        match parse(answer) {
            Ok(answer) => return Ok(answer),
            Err(problem) => terminal::notify(&problem),
        }
    }
}

fn list(text: &str) -> Result<Vec<String>, String> {
    Ok(text.split(',').map(|one| one.trim().to_owned()).collect())
}

fn name(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}
