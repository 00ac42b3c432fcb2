//! `simulate`: writes the events of a simulated helpdesk to a file or topic.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::arguments::{CommandLineSettings, LiveFrom, SimulateArguments};
use super::failure::{CommandFailure, CommandResult};
use super::simulation_progress::SimulationProgress;
use super::{serve, terminal};
use crate::domain::timestamp::{DAY, Milliseconds, Timestamp};
use crate::edge::files::STANDARD_INPUT;
use crate::edge::kafka::{DELIVERY_TIMEOUT, KafkaConnection, Publisher};
use crate::edge::wall_clock;
use crate::simulation::{PaceStart, Profile, SimulatedEvent, SimulatedHelpdesk, SimulationPace};

/// The default length of the history: enough for every default window.
const DEFAULT_HISTORY: Milliseconds = 30 * DAY;
/// Longest sleep between two checks for a stop signal.
const LONGEST_SLEEP: Milliseconds = 200;
/// Events between two progress reports.
const PROGRESS_EVENTS: u64 = 50_000;

pub fn run(settings: &CommandLineSettings, arguments: &SimulateArguments) -> CommandResult {
    let profile = arguments.load.map_or_else(Profile::default, Profile::load);
    if arguments.print_config {
        terminal::print(&profile.config_yaml())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut sink = SimulationOutput::open(settings, arguments)?;
    // The history ends now, because the exporter rejects events from the future.
    let history = arguments.span.unwrap_or(DEFAULT_HISTORY);
    let from = arguments
        .from
        .unwrap_or_else(|| wall_clock::now().minus(history));
    let mut progress = arguments
        .resume
        .as_deref()
        .map(|path| SimulationProgress::open(path, arguments.seed, from))
        .transpose()?;
    let from = progress.as_ref().map_or(from, SimulationProgress::from);
    let before = progress.as_ref().map_or(0, SimulationProgress::events);
    let endless =
        arguments.load.is_some() || !matches!(arguments.pace, SimulationPace::AsFastAsPossible);
    let span = arguments.span.or((!endless).then_some(DEFAULT_HISTORY));
    let events = SimulatedHelpdesk::new(arguments.seed, profile)
        .events(from, span.map(|span| from.plus(span)));

    let stop = serve::stop_flag()?;
    let live_from = match arguments.live_from {
        Some(LiveFrom::Now) => wall_clock::now(),
        Some(LiveFrom::Time(time)) => time,
        None => from,
    };
    let mut pacing = Pacing {
        pace: arguments.pace,
        live_from,
        start: None,
        sequence: 0,
    };
    let mut written = 0;
    for event in events.skip(usize::try_from(before).unwrap_or(usize::MAX)) {
        let goes_on = pacing.wait(event.at, &stop, &mut || match &mut progress {
            Some(progress) => progress.written(before + written),
            None => Ok(()),
        })?;
        if !goes_on {
            break;
        }
        match sink.write(&event) {
            // The reader has closed the pipe, as `head` does.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            result => result?,
        }
        written += 1;
        if written % PROGRESS_EVENTS == 0 {
            terminal::progress(&format!("{written} events, up to {}", event.at.rfc3339()));
        }
    }
    terminal::progress_done();
    sink.finish(written)?;
    if let Some(progress) = progress {
        progress.finish(before + written)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits until each event is due.
struct Pacing {
    pace: SimulationPace,
    live_from: Timestamp,
    start: Option<PaceStart>,
    sequence: u64,
}

impl Pacing {
    /// Returns `false` after a stop signal. Calls `meanwhile` at least once, and repeatedly while waiting.
    fn wait(
        &mut self,
        at: Timestamp,
        stop: &AtomicBool,
        meanwhile: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<bool> {
        meanwhile()?;
        if at >= self.live_from {
            let start = *self.start.get_or_insert_with(|| PaceStart {
                wall: wall_clock::now(),
                event: self.live_from,
            });
            loop {
                let wait = self.pace.wait(start, at, self.sequence, wall_clock::now());
                if wait <= 0 || stop.load(Ordering::Relaxed) {
                    break;
                }
                thread::sleep(Duration::from_millis(
                    wait.min(LONGEST_SLEEP).unsigned_abs(),
                ));
                meanwhile()?;
            }
            self.sequence += 1;
        }
        Ok(!stop.load(Ordering::Relaxed))
    }
}

enum SimulationOutput {
    File(Box<dyn Write>),
    Topic(Box<Publisher>),
}

impl SimulationOutput {
    fn open(settings: &CommandLineSettings, arguments: &SimulateArguments) -> CommandResult<Self> {
        if let Some(topic) = &arguments.topic {
            let config = settings.load()?;
            let connection = KafkaConnection::from(&config.kafka);
            let publisher =
                Publisher::start(&connection, topic).map_err(CommandFailure::configuration)?;
            return Ok(Self::Topic(Box::new(publisher)));
        }
        let Some(path) = &arguments.output else {
            return Err(CommandFailure::usage(
                "no output; give --output FILE or --topic TOPIC",
            ));
        };
        let file: Box<dyn Write> = if path == Path::new(STANDARD_INPUT) {
            Box::new(io::stdout())
        } else {
            let file = File::create(path)
                .map_err(|error| CommandFailure::other(format!("{}: {error}", path.display())))?;
            Box::new(file)
        };
        Ok(Self::File(Box::new(BufWriter::with_capacity(
            1 << 20,
            file,
        ))))
    }

    fn write(&mut self, event: &SimulatedEvent) -> io::Result<()> {
        match self {
            Self::File(file) => {
                file.write_all(event.json.as_bytes())?;
                file.write_all(b"\n")
            }
            Self::Topic(publisher) => {
                // The Kafka timestamp is the current time, as with any producer. With past timestamps,
                // the broker would delete the records at once if they exceed its retention time.
                publisher.send(
                    event.ticket_id.as_bytes(),
                    event.json.as_bytes(),
                    wall_clock::now().0,
                );
                Ok(())
            }
        }
    }

    fn finish(self, written: u64) -> CommandResult<()> {
        match self {
            Self::File(mut file) => match file.flush() {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                result => result?,
            },
            Self::Topic(publisher) => {
                let report = publisher.finish(DELIVERY_TIMEOUT);
                if report.failed > 0 {
                    let reason = report.reason.unwrap_or_default();
                    return Err(CommandFailure::other(format!(
                        "the broker did not confirm {} of {written} events: {reason}",
                        report.failed
                    )));
                }
            }
        }
        terminal::notify(&format!("{written} events written"));
        Ok(())
    }
}
