//! The documentation says what is true: generated tables, links, commands, examples and names.
//!
//! Markdown is read line by line, as these documents are written: blocks between fences, links
//! on one line. Whether the prose is right, nobody but a reader can tell.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use ticket_exporter::config::{self, KEYS};
use ticket_exporter::decode;
use ticket_exporter::domain::catalogue::{FAMILIES, Kind};
use ticket_exporter::exposition;

use super::harness::{self, promtool};

const README: &str = "README.md";
/// What a reader gets from a build, and where.
const PROGRAM: &str = "ticket-exporter";
/// Folders without documents of ours.
const NOT_OURS: [&str; 2] = ["target", "golden"];
/// Words that begin like a metric and are none: the prefix itself, a member of events, and members
/// of Freshdesk's and Zendesk's records.
const NO_METRICS: [&str; 9] = [
    "ticket_",
    "ticket_id",
    "ticket_agent_email",
    "ticket_event",
    "ticket_exporter", // what the headers of dead letters begin with
    "ticket_group_name",
    "ticket_priority",
    "ticket_source",
    "ticket_status",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Markdown file of the repository.
fn documents() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            if name.starts_with('.') || NOT_OURS.contains(&&*name) {
                continue;
            }
            if path.is_dir() {
                walk(&path, found);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(root(), &mut found);
    assert!(found.contains(&root().join(README)));
    found.sort();
    found
}

/// A block between fences.
#[derive(Debug)]
struct Block {
    language: String,
    text: String,
}

/// The blocks of a document, and what is around them.
fn blocks(document: &str) -> (Vec<Block>, String) {
    let (mut blocks, mut prose) = (Vec::new(), String::new());
    let mut open: Option<Block> = None;
    for line in document.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => {
                open = Some(Block {
                    language: language.to_owned(),
                    text: String::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text += line;
                block.text.push('\n');
            }
            (None, None) => {
                prose += line;
                prose.push('\n');
            }
        }
    }
    assert!(open.is_none(), "a block without an end: {open:?}");
    (blocks, prose)
}

fn blocks_of(document: &str, language: &str) -> Vec<String> {
    let (blocks, _) = blocks(document);
    blocks
        .into_iter()
        .filter(|block| block.language == language)
        .map(|block| block.text)
        .collect()
}

/// The pieces of a text between backquotes.
fn inline_code(prose: &str) -> impl Iterator<Item = &str> {
    prose
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Everything between `start` and `end`, on one line.
fn between<'a>(text: &'a str, start: &'a str, end: char) -> impl Iterator<Item = &'a str> {
    text.split(start)
        .skip(1)
        .filter_map(move |rest| rest.split_once(end).map(|(inside, _)| inside))
        .filter(|inside| !inside.contains('\n'))
}

/// The anchor that GitHub gives a heading.
fn anchors(document: &str) -> BTreeSet<String> {
    let (_, prose) = blocks(document);
    prose
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
                .map(|letter| if letter == ' ' { '-' } else { letter })
                .collect()
        })
        .collect()
}

#[test]
fn generated_tables_are_those_of_the_code() {
    let readme = read(&root().join(README));
    for (name, table, command) in [
        (
            "keys",
            config::keys_table(),
            "ticket-exporter check-config --print-keys",
        ),
        ("limits", config::limits_table(), "config::limits_table()"),
        (
            "metrics",
            exposition::catalogue_table(),
            "ticket-exporter metrics --format markdown",
        ),
    ] {
        let marker = format!("<!-- generated: {name} -->\n");
        let written = readme
            .split_once(marker.as_str())
            .and_then(|(_, rest)| rest.split_once("<!-- end -->"))
            .map(|(table, _)| table);
        assert!(
            written == Some(table.as_str()),
            "{README}: between {} and <!-- end --> must stand what `{command}` prints",
            marker.trim_end()
        );
    }
}

#[test]
fn links_lead_somewhere() {
    let mut seen = 0;
    for path in documents() {
        let document = read(&path);
        let (_, prose) = blocks(&document);
        let links = between(&prose, "](", ')')
            .chain(between(&prose, "src=\"", '"'))
            .chain(between(&prose, "srcset=\"", '"'));
        for link in links {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            seen += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                path.clone()
            } else {
                path.parent().unwrap().join(file)
            };
            let place = format!("{}: ({link})", path.display());
            assert!(target.exists(), "{place}: there is no such file");
            if !anchor.is_empty() {
                assert!(
                    anchors(&read(&target)).contains(anchor),
                    "{place}: there is no such heading"
                );
            }
        }
    }
    assert!(seen > 10, "only {seen} links were found");
}

/// What `--help` of a command says; the empty command is the program.
fn help(command: &str) -> String {
    let output = harness::command()
        .args((!command.is_empty()).then_some(command))
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success(), "{command} --help");
    String::from_utf8(output.stdout).unwrap()
}

/// Checks a command line of the program, without the program's name.
fn check_arguments(arguments: &[&str], place: &str) {
    let top = help("");
    let listed = top.split_once("Commands:\n").unwrap().1;
    let commands: Vec<&str> = listed
        .lines()
        .map_while(|line| line.strip_prefix("  "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let command = arguments
        .iter()
        .find(|argument| commands.contains(argument))
        .copied()
        .unwrap_or_default();
    if let Some(first) = arguments.first()
        && !first.starts_with('-')
    {
        assert!(commands.contains(first), "{place}: no command {first}");
    }
    let text = help(command);
    let known: BTreeSet<&str> = text
        .split_whitespace()
        .map(|word| word.trim_end_matches(','))
        .filter(|word| word.starts_with('-'))
        .collect();
    for flag in arguments
        .iter()
        .filter(|argument| argument.starts_with("--"))
    {
        let name = flag.split_once('=').map_or(*flag, |(name, _)| name);
        assert!(
            known.contains(name),
            "{place}: {command} knows no flag {name}"
        );
    }
}

/// The command lines in a text whose commands may go on after a backslash.
fn command_lines(text: &str) -> Vec<String> {
    text.replace("\\\n", " ")
        .lines()
        .map(|line| line.trim().trim_start_matches("$ ").to_owned())
        .collect()
}

/// Checks every call of the program in a command line with pipes; how many there are.
fn check_command_line(line: &str, place: &str) -> usize {
    let mut found = 0;
    for part in line.split(['|', '>']) {
        let words: Vec<&str> = part.split_whitespace().collect();
        if let Some((first, arguments)) = words.split_first()
            && Path::new(first)
                .file_name()
                .is_some_and(|name| name == PROGRAM)
        {
            check_arguments(arguments, &format!("{place}: {line}"));
            found += 1;
        }
    }
    found
}

#[test]
fn commands_exist() {
    let mut seen = 0;
    for path in documents() {
        let document = read(&path);
        let place = path.display().to_string();
        for block in blocks_of(&document, "console") {
            for line in command_lines(&block) {
                seen += check_command_line(&line, &place);
            }
        }
        let (_, prose) = blocks(&document);
        for code in inline_code(&prose).filter(|code| code.starts_with("ticket-exporter ")) {
            seen += check_command_line(code, &place);
        }
    }
    assert!(seen > 8, "only {seen} commands were found in documents");
    for command in ["", "replay", "backfill", "suggest-targets", "simulate"] {
        let text = help(command);
        let (_, examples) = text.split_once("Examples:").unwrap();
        let place = format!("{command} --help");
        let found: usize = command_lines(examples)
            .iter()
            .map(|line| check_command_line(line, &place))
            .sum();
        assert!(found > 2, "only {found} examples in {place}");
    }
}

#[test]
fn examples_are_accepted() {
    let readme = read(&root().join(README));
    let events = blocks_of(&readme, "json");
    assert!(!events.is_empty());
    for event in events {
        if let Err(rejection) = decode::decode(event.as_bytes(), None) {
            panic!("{README}: {rejection}: {event}");
        }
    }
    let mut configurations = 0;
    for yaml in blocks_of(&readme, "yaml") {
        if !yaml.starts_with("kafka:") {
            continue; // of Prometheus or Kubernetes
        }
        configurations += 1;
        let loaded = config::load(Some(Path::new("example.yaml")), [], &[], &mut |_| {
            Ok(yaml.clone())
        });
        match loaded {
            Ok(loaded) => assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings),
            Err(errors) => panic!("{README}: {errors}"),
        }
    }
    assert!(configurations > 0);
}

#[test]
fn prometheus_takes_queries_and_scrape_configurations() {
    let (mut rules, mut queries) = (String::from("groups:\n- name: documented\n  rules:\n"), 0);
    for path in documents() {
        let document = read(&path);
        for block in blocks_of(&document, "promql") {
            for query in block.split("\n\n") {
                queries += 1;
                let lines: Vec<&str> = query.trim().lines().collect();
                let query = lines.join("\n      ");
                let _ = writeln!(
                    rules,
                    "  - record: query:{queries}\n    expr: |\n      {query}"
                );
            }
        }
        for yaml in blocks_of(&document, "yaml") {
            if yaml.starts_with("scrape_configs:") {
                let file = tempfile::NamedTempFile::new().unwrap();
                fs::write(file.path(), &yaml).unwrap();
                let name = file.path().to_str().unwrap();
                let said = promtool(&["check", "config", name], "");
                assert!(said.success, "{}: {said:?}", path.display());
            }
        }
    }
    assert!(queries > 10, "only {queries} queries were found");
    let said = promtool(&["check", "rules"], &rules);
    assert!(said.success, "{said:?}");
    assert!(
        said.stdout.contains(&format!("{queries} rules found")),
        "{said:?}"
    );
}

#[test]
fn the_types_of_events_are_all_there() {
    let readme = read(&root().join(README));
    let (_, rest) = readme.split_once("\nTypes: ").unwrap();
    let (types, _) = rest.split_once(". ").unwrap();
    let types: Vec<&str> = inline_code(types).collect();
    assert_eq!(types.len(), 18, "{types:?}");
    for kind in types {
        let event =
            format!(r#"{{"ticket_id":1,"type":"{kind}","at":0,"handle_seconds":1,"score":1}}"#);
        assert!(decode::decode(event.as_bytes(), None).is_ok(), "{kind}");
    }
}

/// The names of metrics in a text: words that begin like one.
fn metrics_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !(letter.is_ascii_alphanumeric() || "_*…".contains(letter)))
        .filter(|word| word.starts_with("ticket_") && !NO_METRICS.contains(word))
}

fn is_metric(name: &str) -> bool {
    if let Some(prefix) = name.strip_suffix(['*', '…']) {
        return FAMILIES
            .iter()
            .any(|family| family.name.starts_with(prefix));
    }
    FAMILIES.iter().any(|family| match family.kind {
        Kind::Histogram => name
            .strip_prefix(family.name)
            .is_some_and(|rest| ["", "_bucket", "_count", "_sum"].contains(&rest)),
        Kind::Counter | Kind::Gauge | Kind::Untyped => name == family.name,
    })
}

#[test]
fn metrics_and_keys_exist() {
    let (mut metrics, mut keys) = (0, 0);
    let sections: BTreeSet<&str> = KEYS
        .iter()
        .filter_map(|key| key.path.split_once('.').map(|(section, _)| section))
        .collect();
    for path in documents() {
        let document = read(&path);
        let (blocks, prose) = blocks(&document);
        let queries = blocks.iter().filter(|block| block.language == "promql");
        let code: Vec<&str> = queries
            .map(|block| block.text.as_str())
            .chain(inline_code(&prose))
            .collect();
        for code in code {
            for name in metrics_in(code) {
                metrics += 1;
                assert!(is_metric(name), "{}: no metric {name}", path.display());
            }
            let is_path = code
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "._<>[]".contains(letter));
            // The values of the chart are others, and have a test of their own.
            if let Some((section, _)) = code.split_once('.')
                && is_path
                && !path.starts_with(root().join("deploy/helm"))
                && sections.contains(section)
            {
                keys += 1;
                assert!(
                    KEYS.iter()
                        .any(|key| key.path == code || key.path.starts_with(&format!("{code}."))),
                    "{}: no key {code}",
                    path.display()
                );
            }
        }
    }
    assert!(metrics > 40 && keys > 40, "{metrics} metrics, {keys} keys");
}
