//! `infer-mapping`: the preset of a known system, and for the records of an invented helpdesk a mapping
//! that gives the events in `expected.jsonl`.

use std::fs;
use std::path::{Path, PathBuf};

use ticket_exporter::app::inference::{self, Proposal};
use ticket_exporter::app::samples::{self, SampleRecord};
use ticket_exporter::config;
use ticket_exporter::decode::Decoder;

use crate::harness::{self, run, text};
use crate::logs;
use crate::mapping::case_samples;

/// Decodes as `test-mapping` does with the proposal as its configuration.
pub fn decoder(yaml: &str) -> Decoder {
    let file = Path::new("config.yaml");
    let loaded = config::load(Some(file), [], &[], &mut |_| Ok(yaml.to_owned()));
    let loaded = loaded.unwrap_or_else(|errors| panic!("{errors}\nin\n{yaml}"));
    Decoder::new(&loaded.config.mapping)
}

fn events(proposal: &Proposal, samples: &[SampleRecord]) -> Vec<String> {
    let decoder = decoder(&proposal.yaml);
    let mut events = Vec::new();
    for sample in samples {
        let outcome = samples::apply(&decoder, sample);
        assert_eq!(
            outcome.rejections,
            Vec::<String>::new(),
            "{} by\n{}",
            sample.place,
            proposal.yaml
        );
        events.extend(outcome.events.into_iter().map(|event| event.line));
    }
    events
}

fn propose(samples: &[SampleRecord]) -> Option<Proposal> {
    let records: Vec<_> = samples.iter().map(SampleRecord::record).collect();
    inference::propose(&records)
}

#[test]
fn the_records_of_an_invented_helpdesk_give_the_expected_events() {
    let cases = harness::cases("tests/inference");
    assert!(cases.len() >= 3, "cases are missing");
    for case in cases {
        let samples = samples::read(&case.join("records.jsonl"), false).unwrap();
        let proposal = propose(&samples).unwrap();
        assert_eq!(proposal.preset, None, "{}", proposal.yaml);
        let found = events(&proposal, &samples).join("\n");
        let expected = fs::read_to_string(case.join("expected.jsonl")).unwrap();
        assert_eq!(found, expected.trim_end(), "by\n{}", proposal.yaml);
    }
}

#[test]
fn the_samples_of_known_systems_give_their_preset() {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/mapping");
    for (name, _) in config::PRESETS {
        let samples = case_samples(&golden.join(name));
        let proposal = propose(&samples).unwrap_or_else(|| panic!("nothing for {name}"));
        assert_eq!(proposal.preset, Some(name), "{}", proposal.yaml);
        assert!(proposal.trial.events > 0, "{}", proposal.yaml);
        decoder(&proposal.yaml);
    }
}

/// All published samples of a system together, and each alone.
#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn the_published_samples_of_known_systems_give_their_preset() {
    for entry in fs::read_dir(logs::folder().join("webhook_payloads")).unwrap() {
        let path = entry.unwrap().path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if !path.is_dir() {
            continue;
        }
        let mut files: Vec<PathBuf> = fs::read_dir(&path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        let read = |path: &PathBuf| samples::read(path, false).unwrap();
        let together: Vec<SampleRecord> = files.iter().flat_map(read).collect();
        // The samples of Debezium and CloudEvents are not about tickets. Any valid proposal will do.
        let is_wrapper = ["debezium", "cloudevents"].contains(&name);
        let alone = files.iter().map(read);
        for samples in [together].into_iter().chain(alone) {
            let Some(proposal) = propose(&samples) else {
                assert!(is_wrapper, "nothing for {name}");
                continue;
            };
            decoder(&proposal.yaml);
            let is_right = proposal.preset == Some(name);
            assert!(is_right || is_wrapper, "{name}: {}", proposal.yaml);
        }
    }
}

/// Without presets, the proposals for known systems are valid and find the ticket's own id.
#[test]
fn a_proposal_without_a_preset_finds_the_ticket() {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/mapping");
    let mut found = Vec::new();
    for (name, _) in config::PRESETS {
        let samples = case_samples(&golden.join(name));
        let records: Vec<_> = samples.iter().map(SampleRecord::record).collect();
        let Some(yaml) = inference::propose_own_mapping(&records) else {
            continue;
        };
        decoder(&yaml);
        let mut lines = yaml.lines().map(str::trim_start);
        let line = lines.find(|line| line.starts_with("ticket_id: "));
        found.push((name, line.unwrap().to_owned()));
    }
    for (name, ticket) in [
        ("jira", ".issue."),
        ("zammad", ".ticket.id"),
        ("zendesk-eventbridge", ".detail.ticket_event.ticket.id"),
    ] {
        let is_found = found
            .iter()
            .any(|(one, line)| *one == name && line.contains(ticket));
        assert!(is_found, "{name}: {found:?}");
    }
}

/// A user writes the proposal into a file and gives the file to `test-mapping`.
#[test]
fn a_proposal_is_a_configuration() {
    let case = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/inference/lighthouse");
    let records = fs::read(case.join("records.jsonl")).unwrap();
    let output = run(&["infer-mapping", "-"], &records);
    let (yaml, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("12 records: 11 events"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mapping.yaml");
    fs::write(&file, &yaml).unwrap();
    let arguments = ["test-mapping", "--config.file", file.to_str().unwrap(), "-"];
    let output = run(&arguments, &records);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let expected = fs::read_to_string(case.join("expected.jsonl")).unwrap();
    assert_eq!(text(&output.stdout), expected);
    for secret in ["Invoice", "C-100", "e-01", "Billing"] {
        assert!(!yaml.contains(secret), "{secret} in\n{yaml}");
    }
    let output = run(&["infer-mapping", "-"], b"{\"weather\":\"fine\"}\n");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains("is clearly the id of a ticket"));
}
