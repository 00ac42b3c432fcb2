//! `man`: the manual pages of the program, of each command and of the configuration. They are made
//! from `--help` and the table of keys, so they always match the program.

mod page;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory};

use super::arguments::{Arguments, ManualArguments};
use super::failure::{CommandFailure, CommandResult};
use super::terminal;
use super::version::PROGRAM;
use page::CONFIGURATION;

struct ManualPage {
    /// As in `man NAME`.
    name: String,
    /// 1 for commands, 5 for files.
    section: u8,
    /// The page in the markup language roff.
    roff: String,
}

pub fn run(arguments: &ManualArguments) -> CommandResult {
    if let Some(folder) = &arguments.output {
        write(folder)?;
    } else {
        let name = arguments.page.as_deref().unwrap_or(PROGRAM);
        terminal::print(&find(name)?.roff)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Finds a page by its own name or by the name of its command.
fn find(name: &str) -> CommandResult<ManualPage> {
    let pages = pages();
    let names: Vec<&str> = pages.iter().map(|page| short_name(&page.name)).collect();
    let known = names.join(", ");
    pages
        .into_iter()
        .find(|page| page.name == name || short_name(&page.name) == name)
        .ok_or_else(|| {
            CommandFailure::usage(format!("no manual page \"{name}\"; use one of: {known}"))
        })
}

fn short_name(name: &str) -> &str {
    name.strip_prefix("ticket-exporter-").unwrap_or(name)
}

/// Every page: the program, its commands in the order of `--help`, the configuration.
fn pages() -> Vec<ManualPage> {
    let mut program = Arguments::command().disable_help_subcommand(true);
    program.build(); // copies the global flags to every command
    let commands: Vec<&Command> = program
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .collect();
    let name_of = |command: &Command| format!("{PROGRAM}-{}", command.get_name());
    let names: Vec<String> = commands.iter().map(|command| name_of(command)).collect();
    let mut pages = vec![ManualPage {
        name: PROGRAM.to_owned(),
        section: 1,
        roff: page::of_command(&program, PROGRAM, &names),
    }];
    pages.extend(commands.iter().map(|command| {
        let name = name_of(command);
        ManualPage {
            roff: page::of_command(command, &name, &[]),
            name,
            section: 1,
        }
    }));
    pages.push(ManualPage {
        name: CONFIGURATION.to_owned(),
        section: 5,
        roff: page::of_configuration(),
    });
    pages
}

fn write(folder: &Path) -> CommandResult<()> {
    let failed = |path: &Path, error| {
        CommandFailure::other(format!("cannot write {}: {error}", path.display()))
    };
    let pages = pages();
    for page in &pages {
        let folder = folder.join(format!("man{}", page.section));
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
        let path = folder.join(format!("{}.{}", page.name, page.section));
        fs::write(&path, &page.roff).map_err(|error| failed(&path, error))?;
    }
    terminal::notify(&format!(
        "wrote {} pages to {}",
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
    fn every_command_and_the_configuration_have_a_page() {
        let names: Vec<String> = pages().into_iter().map(|page| page.name).collect();
        assert_eq!(names.first().map(String::as_str), Some(PROGRAM));
        assert!(names.contains(&"ticket-exporter-check-config".to_owned()));
        assert_eq!(names.last().map(String::as_str), Some(CONFIGURATION));
    }

    #[test]
    fn both_names_find_a_page() {
        assert_eq!(page("replay"), page("ticket-exporter-replay"));
        let failure = format!("{:?}", find("reply").err().unwrap());
        assert!(failure.contains("replay"), "{failure}");
    }

    #[test]
    fn a_page_has_its_own_flags_the_global_flags_and_the_examples() {
        let replay = page("replay");
        assert!(replay.starts_with(".ie "), "{replay}");
        for part in [
            ".TH TICKET-EXPORTER-REPLAY 1 \"\" \"ticket-exporter ",
            "\\fBticket\\-exporter replay\\fR",
            "\\-\\-until",
            "\\-\\-config.file",
            ".SH EXAMPLES\n.nf\n  As a table",
            "march.jsonl.zst",
            ".SH \"EXIT STATUS\"",
        ] {
            assert!(replay.contains(part), "{part} is not in\n{replay}");
        }
        assert!(!replay.contains("Examples:"), "{replay}");
    }

    #[test]
    fn the_page_of_the_configuration_has_every_key() {
        let text = page(CONFIGURATION).replace('\\', "");
        for key in crate::config::KEYS {
            assert!(text.contains(key.path), "{}", key.path);
            assert!(text.contains(&key.variable()), "{}", key.variable());
        }
        assert!(text.contains("fBfailfR or fBrebuildfR"), "{text}");
    }
}
