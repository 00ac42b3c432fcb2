//! The page of the program, or of one of its commands.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::super::VERSION;
use super::text::{self, AfterHelp};
use super::{CONFIGURATION, PROGRAM};

const EXIT_CODES: [(&str, &str); 4] = [
    ("0", "Fine."),
    ("1", "Anything that is not below."),
    ("64", "Wrong usage: the arguments make no sense."),
    ("78", "Wrong configuration; every mistake is named."),
];

/// The page in the language of roff. `commands` are the names of the pages of its commands.
pub fn page(command: &Command, name: &str, commands: &[String]) -> String {
    let man = Man::new(command.clone());
    let mut sections = vec![title(name, 1), opening(command, name)];
    sections.push(rendered(|output| man.render_description_section(output)));
    sections.push(rendered(|output| man.render_options_section(output)));
    if !commands.is_empty() {
        sections.push(rendered(|output| man.render_subcommands_section(output)));
    }
    sections.push(closing(command, name, commands));
    join(&sections)
}

fn rendered(render: impl Fn(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut bytes = Vec::new();
    // Memory takes everything.
    let _ = render(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Every section brings the same definition of the apostrophe along; one is enough.
pub fn join(sections: &[String]) -> String {
    let preamble = Roff::new().render();
    let mut page = preamble.clone();
    for section in sections {
        page += section.strip_prefix(&preamble).unwrap_or(section);
    }
    page
}

fn opening(command: &Command, name: &str) -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["NAME"]);
    let about = command.get_about().map(ToString::to_string);
    roff.text([roman(format!("{name} - {}", about.unwrap_or_default()))]);
    roff.control("SH", ["SYNOPSIS"]);
    let usage = command.clone().render_usage().to_string();
    for (position, form) in usage
        .trim_start_matches("Usage:")
        .lines()
        .map(str::trim)
        .enumerate()
    {
        if position > 0 {
            roff.control("br", []);
        }
        let program = form.split(" [").next().unwrap_or(form);
        let arguments = form.get(program.len()..).unwrap_or_default();
        roff.text([bold(program), roman(arguments)]);
    }
    roff.render()
}

/// The line that every page begins with. It has no date: the same source gives the same page.
pub fn title(name: &str, section: u8) -> String {
    let name = name.to_uppercase();
    // By hand, since `Roff` leaves out an argument that is empty.
    format!(".TH {name} {section} \"\" \"{PROGRAM} {VERSION}\" \"Support KPIs\"\n")
}

fn closing(command: &Command, name: &str, commands: &[String]) -> String {
    let mut roff = Roff::new();
    let help = command.get_after_help().map(ToString::to_string);
    let parts = AfterHelp::of(help.as_deref().unwrap_or_default());
    if !parts.notes.iter().all(|note| note.is_empty()) {
        roff.control("SH", ["NOTES"]);
        for (position, note) in parts.notes.iter().enumerate() {
            if position > 0 {
                roff.control("PP", []);
            }
            for line in note.lines() {
                roff.text([roman(line)]);
            }
        }
    }
    if let Some(examples) = parts.examples {
        roff.control("SH", ["EXAMPLES"]);
        text::examples(&mut roff, examples);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in EXIT_CODES {
        roff.control("TP", []);
        roff.text([bold(code)]);
        roff.text([roman(meaning)]);
    }
    see_also(&mut roff, name, commands);
    roff.render()
}

fn see_also(roff: &mut Roff, name: &str, commands: &[String]) {
    let program = (name != PROGRAM).then(|| (PROGRAM.to_owned(), "(1)"));
    let mut pages: Vec<(String, &str)> = program.into_iter().collect();
    pages.extend(commands.iter().map(|name| (name.clone(), "(1)")));
    pages.push((CONFIGURATION.to_owned(), "(5)"));
    roff.control("SH", ["SEE ALSO"]);
    let last = pages.len() - 1;
    for (position, (name, section)) in pages.into_iter().enumerate() {
        let comma = if position == last { "" } else { "," };
        roff.text([bold(name), roman(format!("{section}{comma}"))]);
    }
}
