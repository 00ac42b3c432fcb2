//! `test-mapping`: what becomes of sample records, and why.

use std::process::ExitCode;

use super::arguments::{Settings, TestMapping};
use super::failure::Failure;
use super::terminal;
use crate::app::samples::{self, Outcome};
use crate::config::{CANONICAL, Flag, NO_PRESET, PRESETS};
use crate::decode::Decoder;

pub fn run(settings: &Settings, arguments: &TestMapping) -> Result<ExitCode, Failure> {
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
    let paint = Paint(terminal::complaints_have_colors());
    let (mut events, mut rejected, mut ignored, mut records) = (0, 0, 0, 0);
    for path in &arguments.files {
        for mut sample in samples::read(path, arguments.envelope).map_err(Failure::other)? {
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
            tell(&sample.place, &outcome, arguments.explain, paint);
        }
    }
    terminal::complain(&format!(
        "{records} records: {events} events, {ignored} records ignored, {rejected} rejected"
    ));
    Ok(if rejected > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn no_preset(flag: &str, wanted: &str) -> Failure {
    let names: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    Failure::usage(format!(
        "{flag}: no preset is called \"{wanted}\"; there are {names}"
    ))
}

/// Says what went wrong with a record, and on demand where everything came from.
fn tell(place: &str, outcome: &Outcome, explain: bool, paint: Paint) {
    for rejection in &outcome.rejections {
        let said = paint.red("rejected");
        terminal::complain(&format!("{place}: {said} {rejection}"));
    }
    for word in &outcome.unmapped {
        let said = paint.yellow("not in the mapping:");
        terminal::complain(&format!("{place}: {said} {word}"));
    }
    if !explain {
        return;
    }
    if let Some(reason) = outcome.ignored {
        terminal::complain(&format!("{place}: ignored ({reason})"));
    }
    for event in &outcome.events {
        if event.rule.is_empty() {
            terminal::complain(&format!("{place}: a canonical event"));
            continue;
        }
        terminal::complain(&format!("{place}: rule {}", paint.bold(&event.rule)));
        for (member, from) in &event.origins {
            terminal::complain(&format!("  {member:<14} {from}"));
        }
    }
}

/// Colors, or none.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
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
