//! `import`: turns files of records into ticket events, sorted by time.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

use super::arguments::{CommandLineSettings, ImportArguments};
use super::failure::{CommandFailure, CommandResult};
use super::{history, terminal};
use crate::app::event_files::{self, SortedEvents};
use crate::config::Config;
use crate::decode::Decoder;
use crate::edge::kafka::{DELIVERY_TIMEOUT, KafkaConnection, Publisher};
use crate::edge::wall_clock;

/// Events between two progress reports.
const PROGRESS_EVENTS: u64 = 50_000;

pub fn run(settings: &CommandLineSettings, arguments: &ImportArguments) -> CommandResult {
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
    match &arguments.topic {
        Some(topic) => produce(&config, topic, &mut events)?,
        None => write(arguments, &mut events)?,
    }
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

fn write(arguments: &ImportArguments, events: &mut SortedEvents) -> CommandResult<()> {
    let mut output: Box<dyn Write> = match &arguments.output {
        None => Box::new(io::stdout().lock()),
        Some(path) => Box::new(File::create_new(path).map_err(|error| {
            CommandFailure::other(format!("cannot create {}: {error}", path.display()))
        })?),
    };
    let mut output = BufWriter::new(&mut *output);
    let mut write_all = || -> CommandResult<io::Result<()>> {
        while let Some(mut event) = events.next_event().map_err(CommandFailure::other)? {
            event.line.push(b'\n');
            if let Err(error) = output.write_all(&event.line) {
                return Ok(Err(error));
            }
        }
        Ok(output.flush())
    };
    match write_all()? {
        // The reader has closed the pipe, as `head` does.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result
            .map_err(|error| CommandFailure::other(format!("cannot write the events: {error}"))),
    }
}

/// Sends the events to a topic, each with the id of its ticket as the key. The Kafka timestamp is the current
/// time, so that the retention time of the topic begins now.
fn produce(config: &Config, topic: &str, events: &mut SortedEvents) -> CommandResult<()> {
    let connection = KafkaConnection::from(&config.kafka);
    let mut publisher =
        Publisher::start(&connection, topic).map_err(CommandFailure::configuration)?;
    let mut sent = 0_u64;
    while let Some(event) = events.next_event().map_err(CommandFailure::other)? {
        publisher.send(&event.key, &event.line, wall_clock::now().0);
        sent += 1;
        if sent.is_multiple_of(PROGRESS_EVENTS) {
            terminal::progress(&format!("{sent} events sent"));
        }
    }
    terminal::progress_done();
    let report = publisher.finish(DELIVERY_TIMEOUT);
    if report.failed > 0 {
        let reason = report.reason.unwrap_or_default();
        return Err(CommandFailure::other(format!(
            "{} of {sent} events did not reach topic {topic}: {reason}; run the command again, because events \
             that are there twice count once",
            report.failed
        )));
    }
    Ok(())
}
