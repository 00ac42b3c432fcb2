//! `man`: manual pages of the program, of each command and of the configuration, made from what
//! `--help` and the table of keys say, so that they always fit the program.

mod command;
mod configuration;
mod text;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory};

use super::arguments::{Arguments, ManualPages};
use super::failure::Failure;
use super::terminal;

/// Name of the program, and of its page.
const PROGRAM: &str = "ticket-exporter";
/// Name of the page on the configuration.
const CONFIGURATION: &str = "ticket-exporter.yaml";

/// A page, in the language of roff.
struct Page {
    /// As in `man NAME`.
    name: String,
    /// 1 for commands, 5 for files.
    section: u8,
    roff: String,
}

pub fn run(arguments: &ManualPages) -> Result<ExitCode, Failure> {
    if let Some(folder) = &arguments.output {
        write(folder)?;
    } else {
        let name = arguments.page.as_deref().unwrap_or(PROGRAM);
        terminal::print(&find(name)?.roff)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A page by its name, or by that of the command it is about.
fn find(name: &str) -> Result<Page, Failure> {
    let pages = pages();
    let names: Vec<&str> = pages.iter().map(|page| short_name(&page.name)).collect();
    let known = names.join(", ");
    pages
        .into_iter()
        .find(|page| page.name == name || short_name(&page.name) == name)
        .ok_or_else(|| Failure::usage(format!("there is no page {name}; there are: {known}")))
}

fn short_name(name: &str) -> &str {
    name.strip_prefix("ticket-exporter-").unwrap_or(name)
}

/// Every page: the program, its commands in the order of `--help`, the configuration.
fn pages() -> Vec<Page> {
    let mut program = Arguments::command().disable_help_subcommand(true);
    program.build(); // hands the flags of every command to every command
    let names: Vec<String> = commands(&program)
        .map(|one| page_name(one.get_name()))
        .collect();
    let mut pages = vec![Page {
        name: PROGRAM.to_owned(),
        section: 1,
        roff: command::page(&program, PROGRAM, &names),
    }];
    for one in commands(&program) {
        let name = page_name(one.get_name());
        let roff = command::page(one, &name, &[]);
        let section = 1;
        pages.push(Page {
            name,
            section,
            roff,
        });
    }
    pages.push(Page {
        name: CONFIGURATION.to_owned(),
        section: 5,
        roff: configuration::page(),
    });
    pages
}

fn commands(program: &Command) -> impl Iterator<Item = &Command> {
    program.get_subcommands().filter(|one| !one.is_hide_set())
}

fn page_name(command: &str) -> String {
    format!("{PROGRAM}-{command}")
}

fn write(folder: &Path) -> Result<(), Failure> {
    let failed = |path: &Path, error| Failure::other(format!("{}: {error}", path.display()));
    let pages = pages();
    for page in &pages {
        let folder = folder.join(format!("man{}", page.section));
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
        let path = folder.join(format!("{}.{}", page.name, page.section));
        fs::write(&path, &page.roff).map_err(|error| failed(&path, error))?;
    }
    terminal::complain(&format!(
        "wrote {} pages into {}",
        pages.len(),
        folder.display()
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(name: &str) -> String {
        find(name).unwrap().roff
    }

    #[test]
    fn there_is_a_page_for_everything() {
        let names: Vec<String> = pages().into_iter().map(|page| page.name).collect();
        assert_eq!(names.first().map(String::as_str), Some(PROGRAM));
        assert!(names.contains(&"ticket-exporter-check-config".to_owned()));
        assert_eq!(names.last().map(String::as_str), Some(CONFIGURATION));
    }

    #[test]
    fn pages_are_found_by_either_name() {
        assert_eq!(page("replay"), page("ticket-exporter-replay"));
        let failure = format!("{:?}", find("reply").err().unwrap());
        assert!(failure.contains("replay"), "{failure}");
    }

    #[test]
    fn a_page_has_the_flags_of_its_command_and_those_of_every_command() {
        let replay = page("replay");
        for part in [
            "\\-\\-until",
            "\\-\\-config.file",
            ".SH EXAMPLES",
            "march.jsonl.zst",
        ] {
            assert!(replay.contains(part), "{part} is not in\n{replay}");
        }
        assert!(!replay.contains("Examples:"), "{replay}");
    }

    #[test]
    fn the_configuration_has_every_key() {
        let text = page(CONFIGURATION).replace('\\', "");
        for key in crate::config::KEYS {
            assert!(text.contains(key.path), "{}", key.path);
            assert!(text.contains(&key.variable()), "{}", key.variable());
        }
    }
}
