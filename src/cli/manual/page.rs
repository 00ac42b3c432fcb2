//! The text of one manual page, in the markup language roff.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use super::super::version::{BUILD, PROGRAM};
use crate::config::KEYS;

/// The page about the configuration file.
pub const CONFIGURATION: &str = "ticket-exporter.yaml";

const MANUAL: &str = "Support KPIs";
/// A page has no date, so that the same source always gives the same page.
const NO_DATE: &str = "\"\"";
const EXIT_CODES: [(&str, &str); 4] = [
    ("0", "Success."),
    ("1", "Any other failure."),
    ("64", "Invalid command line."),
    (
        "78",
        "Invalid configuration. The command names every mistake.",
    ),
];
/// These words start the examples in a help text.
const EXAMPLES: &str = "Examples:\n";
/// These words start a paragraph that every page has as a section of its own.
const EXIT_CODES_PARAGRAPH: &str = "Exit codes:";

/// The page of the program or of one command. `commands` are the names of its commands' pages.
pub fn of_command(command: &Command, name: &str, commands: &[String]) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    let help = command.get_after_help().map(ToString::to_string);
    let command = command.clone().override_usage(usage);
    let mut page = Vec::new();
    // Writing to a `Vec` cannot fail.
    let _ = Man::new(command.after_help(None::<&str>))
        .title(name.to_uppercase())
        .date(NO_DATE)
        .source(source())
        .manual(MANUAL)
        .render(&mut page);
    let mut page = String::from_utf8_lossy(&page).into_owned();
    let end = closing_sections(&help.unwrap_or_default(), name, commands).render();
    // The page above begins with the same definitions.
    page += end.strip_prefix(&Roff::new().render()).unwrap_or(&end);
    page
}

/// The page about the configuration file: every key, from the table that the program checks keys by.
pub fn of_configuration() -> String {
    let mut roff = Roff::new();
    let title = CONFIGURATION.to_uppercase();
    let source = source();
    roff.control("TH", [title.as_str(), "5", NO_DATE, &source, MANUAL]);
    roff.control("SH", ["NAME"]);
    roff.text([roman(format!(
        "{CONFIGURATION} - configuration of {PROGRAM}"
    ))]);
    roff.control("SH", ["DESCRIPTION"]);
    paragraphs(
        &mut roff,
        &[
            "The configuration is YAML. Every key is optional, and an unknown key is an error. Write \
             durations as 500ms, 30s, 15m, 4h, 1d, 2w, or combined: 1h30m.",
            "An environment variable can set every key; it overrides the file. The flag `--set` \
             overrides both. There, separate the items of a list with commas, and write a map as \
             inline YAML.",
            "In the names of keys, <word> is a name that you choose, and [] is an item of a list.",
        ],
    );
    roff.control("SH", ["KEYS"]);
    for key in KEYS {
        roff.control("TP", []);
        let default = if key.default.is_empty() {
            String::new()
        } else {
            format!(", default {}", key.default)
        };
        roff.text([
            bold(key.path),
            roman(format!(" ({}{default})", key.kind.name())),
        ]);
        let mut help = marked(key.help);
        help.push(roman("."));
        roff.text(help);
        roff.control("br", []);
        roff.text([italic(key.variable())]);
    }
    roff.control("SH", ["EXAMPLES"]);
    verbatim(
        &mut roff,
        "  Print a configuration that explains every key:\n    ticket-exporter check-config \
         --print-reference\n  Check a configuration:\n    ticket-exporter check-config --config.file \
         ticket-exporter.yaml",
    );
    see_also(
        &mut roff,
        &[
            format!("{PROGRAM}(1)"),
            format!("{PROGRAM}-check-config(1)"),
        ],
    );
    roff.render()
}

fn source() -> String {
    format!("{PROGRAM} {}", BUILD.version)
}

/// The sections that clap_mangen does not write.
fn closing_sections(help: &str, name: &str, commands: &[String]) -> Roff {
    let mut roff = Roff::new();
    let (examples, notes): (Vec<&str>, Vec<&str>) = help
        .split("\n\n")
        .filter(|paragraph| !paragraph.is_empty() && !paragraph.starts_with(EXIT_CODES_PARAGRAPH))
        .partition(|paragraph| paragraph.starts_with(EXAMPLES));
    if !notes.is_empty() {
        roff.control("SH", ["NOTES"]);
        paragraphs(&mut roff, &notes);
    }
    if !examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]);
        for example in examples {
            verbatim(&mut roff, example.trim_start_matches(EXAMPLES));
        }
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in EXIT_CODES {
        roff.control("TP", []);
        roff.text([bold(code)]);
        roff.text([roman(meaning)]);
    }
    let mut pages: Vec<String> = Vec::new();
    if name != PROGRAM {
        pages.push(format!("{PROGRAM}(1)"));
    }
    pages.extend(commands.iter().map(|name| format!("{name}(1)")));
    pages.push(format!("{CONFIGURATION}(5)"));
    see_also(&mut roff, &pages);
    roff
}

fn paragraphs(roff: &mut Roff, texts: &[&str]) {
    for (position, text) in texts.iter().enumerate() {
        if position > 0 {
            roff.control("PP", []);
        }
        for line in text.lines() {
            roff.text(marked(line));
        }
    }
}

fn verbatim(roff: &mut Roff, text: &str) {
    roff.control("nf", []);
    for line in text.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

/// `pages` are names with their sections, such as `man(1)`.
fn see_also(roff: &mut Roff, pages: &[String]) {
    roff.control("SH", ["SEE ALSO"]);
    for (position, page) in pages.iter().enumerate() {
        let (name, section) = page.split_at(page.find('(').unwrap_or(page.len()));
        let comma = if position + 1 == pages.len() { "" } else { "," };
        roff.text([bold(name), roman(format!("{section}{comma}"))]);
    }
}

/// Text whose parts between backquotes become bold.
fn marked(text: &str) -> Vec<Inline> {
    text.split('`')
        .enumerate()
        .filter(|(_, part)| !part.is_empty())
        .map(|(position, part)| {
            if position % 2 == 1 {
                bold(part)
            } else {
                roman(part)
            }
        })
        .collect()
}
