//! `test-mapping`: applies a mapping to sample records and explains the result.

use std::collections::BTreeMap;
use std::process::ExitCode;

use super::arguments::{CommandLineSettings, TestMappingArguments};
use super::failure::{CommandFailure, CommandResult};
use super::terminal;
use crate::app::samples::{self, SampleOutcome};
use crate::config::{CANONICAL, Flag, NO_PRESET, PRESETS};
use crate::decode::{Decoder, RepetitionWatch};

pub fn run(settings: &CommandLineSettings, arguments: &TestMappingArguments) -> CommandResult {
    if arguments.list_presets {
        for (name, _) in PRESETS {
            terminal::print(&format!("{name}\n"))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(wanted) = &arguments.print_preset {
        let found = PRESETS.iter().find(|(name, _)| name == wanted);
        let (_, text) = found.ok_or_else(|| no_preset("--print-preset", wanted))?;
        terminal::print(text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = match &arguments.preset {
        Some(preset) => {
            let mut names = PRESETS.iter().map(|(name, _)| *name);
            if !names.any(|name| name == preset) && ![CANONICAL, NO_PRESET].contains(&&**preset) {
                return Err(no_preset("--preset", preset));
            }
            settings.load_with(Flag::of("--preset", "mapping.preset", preset))?
        }
        None => settings.load()?,
    };
    let decoder = Decoder::new(&config.mapping);
    let colors = Colors(terminal::messages_have_colors());
    let mut watch = RepetitionWatch::default();
    let mut repeated: BTreeMap<String, usize> = BTreeMap::new();
    let (mut events, mut rejected, mut ignored, mut records) = (0, 0, 0, 0);
    for path in &arguments.files {
        for mut sample in samples::read(path, arguments.envelope).map_err(CommandFailure::other)? {
            let given = arguments.timestamp.map(|timestamp| timestamp.0);
            sample.timestamp = sample.timestamp.or(given);
            let outcome = samples::apply(&decoder, &sample);
            records += 1;
            events += outcome.events.len();
            rejected += usize::from(!outcome.rejections.is_empty());
            ignored += usize::from(outcome.ignored.is_some());
            for event in &outcome.events {
                terminal::print(&format!("{}\n", event.line))?;
            }
            for rule in watch.note(&outcome.unidentified) {
                *repeated.entry(rule.to_owned()).or_default() += 1;
            }
            report(&sample.place, &outcome, arguments.explain, colors);
        }
    }
    for (rule, count) in repeated {
        let repeats = colors.yellow("repeats:");
        terminal::notify(&format!(
            "{repeats} rule {rule} made {count} events that an earlier record had made already (same ticket, type \
             and time), and each counts; add once or event_id to the rule"
        ));
    }
    terminal::notify(&format!(
        "{records} records: {events} events, {ignored} records ignored, {rejected} rejected"
    ));
    Ok(if rejected > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn no_preset(flag: &str, wanted: &str) -> CommandFailure {
    let names: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    CommandFailure::usage(format!(
        "{flag}: no preset \"{wanted}\"; use one of: {names}"
    ))
}

/// Reports what is wrong with a record. With `explain`, also reports the origin of every member.
fn report(place: &str, outcome: &SampleOutcome, explain: bool, colors: Colors) {
    for rejection in &outcome.rejections {
        let rejected = colors.red("rejected:");
        terminal::notify(&format!("{place}: {rejected} {rejection}"));
    }
    for word in &outcome.unmapped {
        let unknown = colors.yellow("not in the mapping:");
        terminal::notify(&format!("{place}: {unknown} {word}"));
    }
    if !explain {
        return;
    }
    if let Some(reason) = outcome.ignored {
        terminal::notify(&format!("{place}: ignored ({reason})"));
    }
    for event in &outcome.events {
        if event.rule.is_empty() {
            terminal::notify(&format!("{place}: a canonical event"));
            continue;
        }
        terminal::notify(&format!("{place}: rule {}", colors.bold(&event.rule)));
        for (member, from) in &event.origins {
            terminal::notify(&format!("  {member:<14} {from}"));
        }
    }
}

/// Whether to use colors.
#[derive(Clone, Copy)]
struct Colors(bool);

impl Colors {
    fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
