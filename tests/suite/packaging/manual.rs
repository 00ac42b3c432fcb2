//! Manual pages: two formatters accept them, and they have their content.

use std::path::PathBuf;
use std::process::Command;

use super::{files, run, succeed};
use crate::harness::{command, folder};

/// Intended complaints. Pages have no date, so that the same source gives the same page. clap_mangen also
/// puts a redundant break before possible values.
const MEANT: [&str; 2] = ["missing date", "skipping paragraph macro: br"];

/// All pages. The caller must keep their folder.
fn pages() -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = folder("manual");
    succeed(command().args(["man", "--output"]).arg(folder.path()));
    let mut pages = files(&folder.path().join("man1"));
    pages.extend(files(&folder.path().join("man5")));
    assert!(pages.len() > 12, "{pages:?}");
    (folder, pages)
}

#[test]
fn formatters_have_no_complaints() {
    let (_folder, pages) = pages();
    for page in pages {
        let lint = run(Command::new("mandoc")
            .args(["-T", "lint", "-W", "warning"])
            .arg(&page));
        let complaints: Vec<String> = format!("{}{}", lint.out, lint.err)
            .lines()
            .filter(|line| !MEANT.iter().any(|meant| line.contains(meant)))
            .map(str::to_owned)
            .collect();
        assert!(complaints.is_empty(), "{complaints:#?}");

        let shown = run(Command::new("man")
            .args(["--warnings", "--encoding=UTF-8", "--local-file"])
            .arg(&page)
            .env("LC_ALL", "C.UTF-8")
            .env("MANWIDTH", "80"));
        assert!(shown.success, "{}: {}", page.display(), shown.err);
        assert_eq!(shown.err, "", "{}", page.display());
        assert!(shown.out.contains("EXIT STATUS") || page.ends_with("ticket-exporter.yaml.5"));
    }
}

#[test]
fn examples_keep_their_lines() {
    let (folder, _) = pages();
    let page = folder.path().join("man1/ticket-exporter-simulate.1");
    let shown = succeed(
        Command::new("man")
            .args(["--encoding=UTF-8", "--local-file"])
            .arg(page)
            .env("LC_ALL", "C.UTF-8")
            .env("MANWIDTH", "120"),
    );
    let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
    let command = lines
        .iter()
        .position(|line| line.ends_with("ticket-exporter simulate --for 90d --output events.jsonl"))
        .unwrap_or_else(|| panic!("{shown}"));
    assert!(
        lines[command - 1].ends_with("Write three months to a file:"),
        "{shown}"
    );
}

#[test]
fn every_command_has_a_page_that_the_program_names() {
    let (_folder, pages) = pages();
    let program = succeed(command().arg("man"));
    for page in pages {
        let name = page.file_name().unwrap().to_str().unwrap();
        let (name, section) = name.rsplit_once('.').unwrap();
        let reference = format!("{}\\fR({section})", name.replace('-', "\\-"));
        let is_program = name == "ticket-exporter";
        assert!(
            is_program || program.contains(&reference),
            "{name} is not in\n{program}"
        );
    }
    let unknown = run(command().args(["man", "nothing"]));
    assert!(
        !unknown.success && unknown.err.contains("replay"),
        "{unknown:?}"
    );
}
