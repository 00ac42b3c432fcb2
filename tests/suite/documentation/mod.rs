//! The documentation says what is true: generated tables, links, commands, examples and names.
//!
//! `UPDATE_DOCS=1 cargo test --test basic documentation` writes the generated parts again.

mod markdown;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;

use serde_json::Value;
use ticket_exporter::config::{self, KEYS};
use ticket_exporter::decode;
use ticket_exporter::domain::catalog::{FAMILIES, MetricKind};
use ticket_exporter::exposition;

use super::harness;
use markdown::{between, blocks, blocks_of, command_lines, documents, inline_code, read, root};

const README: &str = "README.md";
/// A README of more is a manual.
const README_SIZE: usize = 10 << 10;
const EVENTS: &str = "docs/reference/events.md";
const PROGRAM: &str = "ticket-exporter";
/// Words that begin like a metric and are none: the prefix itself, a member of events, members of
/// Freshdesk's and Zendesk's records, and a table of Znuny.
const NO_METRICS: [&str; 13] = [
    "ticket_",
    "ticket_id",
    "ticket_agent_email",
    "ticket_company_name",
    "ticket_event",
    "ticket_exporter", // what the headers of dead letters begin with
    "ticket_group_name",
    "ticket_history",
    "ticket_priority",
    "ticket_product_name",
    "ticket_source",
    "ticket_status",
    "ticket_type",
];

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

/// Each generated part: its name, its page, and its text.
fn generated() -> [(&'static str, &'static str, String); 4] {
    let configuration = "docs/reference/configuration.md";
    [
        ("keys", configuration, config::keys_table()),
        ("limits", configuration, config::limits_table()),
        (
            "metrics",
            "docs/reference/metrics.md",
            exposition::catalog_table(),
        ),
        ("cli", "docs/reference/cli.md", command_line()),
    ]
}

/// The help of every command; the settings that all commands share appear once.
fn command_line() -> String {
    let top = help("");
    let mut text = format!("## ticket-exporter\n\n```text\n{}\n```\n", top.trim_end());
    for command in commands(&top) {
        if command == "help" {
            continue;
        }
        let shown = without_settings(&help(&command));
        text += &format!("\n## ticket-exporter {command}\n\n```text\n{shown}\n```\n");
    }
    text
}

/// The help of a command without the section of the settings that every command has.
fn without_settings(help: &str) -> String {
    let lines: Vec<&str> = help.lines().collect();
    let first_setting = lines
        .iter()
        .position(|line| line.contains("--config.file <"))
        .unwrap();
    let (before, settings) = lines.split_at(first_setting - 1);
    let after = settings[1..]
        .iter()
        .position(|line| !line.is_empty() && !line.starts_with(' '))
        .map_or(&[][..], |end| &settings[1 + end..]);
    let (before, after) = (before.join("\n"), after.join("\n"));
    format!("{}\n\n{}", before.trim_end(), after.trim_end())
        .trim_end()
        .to_owned()
}

#[test]
fn generated_parts_are_those_of_the_program() {
    for (name, file, text) in generated() {
        let path = root().join(file);
        let document = read(&path);
        let marker = format!("<!-- generated: {name} -->\n");
        let (before, rest) = document.split_once(marker.as_str()).unwrap();
        let (written, after) = rest.split_once("<!-- end -->").unwrap();
        if env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, format!("{before}{marker}{text}<!-- end -->{after}")).unwrap();
        } else {
            assert!(
                written == text,
                "{file}: {name} is not what the program prints; \
                 UPDATE_DOCS=1 cargo test --test basic documentation writes it again"
            );
        }
    }
}

#[test]
fn the_readme_is_short() {
    let size = read(&root().join(README)).len();
    assert!(size <= README_SIZE, "{README} has {size} bytes");
}

/// The book takes only what its summary names.
#[test]
fn every_page_is_in_the_book() {
    let summary = read(&root().join("docs/SUMMARY.md"));
    for path in documents() {
        if let Ok(page) = path.strip_prefix(root().join("docs"))
            && page != Path::new("SUMMARY.md")
        {
            assert!(
                summary.contains(&format!("({})", page.display())),
                "docs/SUMMARY.md does not name {}",
                page.display()
            );
        }
    }
}

#[test]
fn the_alert_reference_links_to_every_runbook() {
    let reference = read(&root().join("docs/reference/alerts.md"));
    for entry in fs::read_dir(root().join("docs/runbooks")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name == README || reference.contains(&format!("(../runbooks/{name})")),
            "{name}"
        );
    }
}

/// Text between backquotes that spans lines is not found by these tests.
#[test]
fn inline_code_is_on_one_line() {
    for path in documents() {
        let (_, prose) = blocks(&read(&path));
        for line in prose.lines().filter(|line| !line.contains("``")) {
            assert!(
                line.matches('`').count() % 2 == 0,
                "{}: {line}",
                path.display()
            );
        }
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
            if path.starts_with(root().join("docs")) {
                assert!(
                    target
                        .canonicalize()
                        .unwrap()
                        .starts_with(root().join("docs")),
                    "{place}: leaves the book"
                );
            }
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

/// The `--help` of a command; the empty command is the program.
fn help(command: &str) -> String {
    let output = harness::command()
        .args((!command.is_empty()).then_some(command))
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success(), "{command} --help");
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that the program's help lists.
fn commands(top: &str) -> Vec<String> {
    let (_, listed) = top.split_once("Commands:\n").unwrap();
    listed
        .lines()
        .map_while(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// Checks a command line of the program, without the program's name.
fn check_arguments(arguments: &[&str], place: &str) {
    let commands = commands(&help(""));
    let is_command = |argument: &str| commands.iter().any(|command| command == argument);
    let command = arguments
        .iter()
        .find(|argument| is_command(argument))
        .copied()
        .unwrap_or_default();
    if let Some(first) = arguments.first()
        && !first.starts_with('-')
    {
        assert!(is_command(first), "{place}: no command {first}");
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
fn example_events_are_accepted() {
    for page in [README, EVENTS, "docs/tutorial/first-alert.md"] {
        let document = read(&root().join(page));
        let mut events = 0;
        for block in blocks_of(&document, "json") {
            for event in serde_json::Deserializer::from_str(&block).into_iter::<Value>() {
                let event = event.unwrap().to_string();
                events += 1;
                if let Err(rejection) = decode::decode(event.as_bytes(), None) {
                    panic!("{page}: {rejection}: {event}");
                }
            }
        }
        assert!(events > 0, "{page}");
    }
}

#[test]
fn example_configurations_are_accepted() {
    let mut configurations = 0;
    for path in documents() {
        for yaml in blocks_of(&read(&path), "yaml") {
            let begins = ["kafka:", "calendars:", "schema_registry:"];
            if !begins.iter().any(|section| yaml.starts_with(section)) {
                continue; // of Prometheus, Kubernetes or a mapping
            }
            configurations += 1;
            let loaded = config::load(Some(Path::new("example.yaml")), [], &[], &mut |_| {
                Ok(yaml.clone())
            });
            match loaded {
                Ok(loaded) => assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings),
                Err(errors) => panic!("{}: {errors}", path.display()),
            }
        }
    }
    assert!(configurations > 2);
}

#[test]
fn the_types_of_events_are_all_there() {
    let page = read(&root().join(EVENTS));
    let (_, rest) = page.split_once("\nTypes: ").unwrap();
    let (types, _) = rest.split_once(".\n").unwrap();
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
        MetricKind::Histogram => name
            .strip_prefix(family.name)
            .is_some_and(|rest| ["", "_bucket", "_count", "_sum"].contains(&rest)),
        MetricKind::Counter | MetricKind::Gauge | MetricKind::Untyped => name == family.name,
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
