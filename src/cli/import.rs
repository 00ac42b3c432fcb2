//! `import`: turns files of records into ticket events, sorted by time.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use super::arguments::{CommandLineSettings, ImportArguments};
use super::failure::{CommandFailure, CommandResult};
use super::{history, serve, terminal};
use crate::app::event_files::{self, EventFileError, SortedEvents};
use crate::config::Config;
use crate::decode::Decoder;
use crate::edge::kafka::{DELIVERY_TIMEOUT, KafkaConnection, Publisher};
use crate::edge::wall_clock;

/// Events between two progress reports.
const PROGRESS_EVENTS: u64 = 50_000;

pub fn run(settings: &CommandLineSettings, arguments: &ImportArguments) -> CommandResult {
    if let Some(path) = arguments.output.as_deref().filter(|path| path.exists()) {
        let path = path.display();
        return Err(CommandFailure::usage(format!(
            "--output: {path} exists; remove it, or give the name of a new file"
        )));
    }
    let config = settings.load()?;
    let decoder = Decoder::new(&config.mapping);
    let mut progress = |records: u64| terminal::progress(&format!("{records} records read"));
    let sorted = event_files::sort(&arguments.files, &decoder, &mut progress);
    terminal::progress_done();
    let mut events = sorted.map_err(CommandFailure::other)?;
    history::rejections(&events.counts);
    if events.counts.is_useless() {
        return Err(history::useless(&events.counts));
    }
    let done = match &arguments.topic {
        Some(topic) => produce(&config, topic, &mut events),
        None => write(arguments, &mut events),
    };
    terminal::progress_done();
    done?;
    let rejected = events.counts.rejections();
    terminal::notify(&format!(
        "{} records: {} events, {rejected} rejected",
        events.counts.records, events.counts.events
    ));
    Ok(if arguments.strict && rejected > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Writes to the file, or to standard output.
fn write(arguments: &ImportArguments, events: &mut SortedEvents) -> CommandResult<()> {
    let Some(path) = &arguments.output else {
        return match write_lines(&mut io::stdout().lock(), events) {
            // The reader has closed the pipe, as `head` does.
            Err(WriteFailure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(CommandFailure::other),
        };
    };
    let mut file = File::create_new(path).map_err(|error| {
        CommandFailure::other(format!("cannot create {}: {error}", path.display()))
    })?;
    write_lines(&mut file, events).map_err(|error| {
        // It would look like a complete one.
        let _ = fs::remove_file(path);
        let path = path.display();
        CommandFailure::other(format!(
            "{error}; the incomplete {path} was removed, run the command again"
        ))
    })
}

#[derive(Debug, thiserror::Error)]
enum WriteFailure {
    #[error("cannot write the events: {0}")]
    Output(#[from] io::Error),
    #[error(transparent)]
    Events(#[from] EventFileError),
    #[error("stopped after {0} events")]
    Stopped(u64),
    #[error(transparent)]
    Command(#[from] CommandFailure),
}

fn write_lines(output: &mut dyn Write, events: &mut SortedEvents) -> Result<(), WriteFailure> {
    let stop = serve::stop_flag()?;
    let mut output = BufWriter::new(output);
    let mut written = 0_u64;
    while let Some(mut event) = events.next_event()? {
        if stop.load(Ordering::Relaxed) {
            return Err(WriteFailure::Stopped(written));
        }
        event.line.push(b'\n');
        output.write_all(&event.line)?;
        written += 1;
        if written.is_multiple_of(PROGRESS_EVENTS) {
            terminal::progress(&format!(
                "{written} of {} events written",
                events.counts.events
            ));
        }
    }
    Ok(output.flush()?)
}

/// Sends the events to a topic, each with the id of its ticket as the key. The Kafka timestamp is the current
/// time, so that the retention time of the topic begins now.
fn produce(config: &Config, topic: &str, events: &mut SortedEvents) -> CommandResult<()> {
    let connection = KafkaConnection::from(&config.kafka);
    let mut publisher =
        Publisher::start(&connection, topic).map_err(CommandFailure::configuration)?;
    let stop = serve::stop_flag()?;
    let mut sent = 0_u64;
    while !stop.load(Ordering::Relaxed)
        && let Some(event) = events.next_event().map_err(CommandFailure::other)?
    {
        publisher.send(&event.key, &event.line, wall_clock::now().0);
        sent += 1;
        if sent.is_multiple_of(PROGRESS_EVENTS) {
            terminal::progress(&format!("{sent} of {} events sent", events.counts.events));
        }
    }
    let report = publisher.finish(DELIVERY_TIMEOUT);
    let reason = if stop.load(Ordering::Relaxed) {
        "the command was stopped".to_owned()
    } else {
        report.reason.unwrap_or_default()
    };
    let left = events.counts.events - sent + report.failed;
    if left > 0 {
        return Err(CommandFailure::other(format!(
            "{left} of {} events did not reach topic {topic}: {reason}; run the command again, because events \
             that are there twice count once",
            events.counts.events
        )));
    }
    Ok(())
}
