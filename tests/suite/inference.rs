//! Proposals for records that nobody has described: the right preset for known systems, and for an
//! invented desk a mapping that gives the events worked out by hand.

use std::fs;
use std::path::{Path, PathBuf};

use ticket_exporter::app::inference::{self, Proposal};
use ticket_exporter::app::samples::{self, Sample};
use ticket_exporter::config;
use ticket_exporter::decode::Decoder;

use crate::harness::{self, run, text};
use crate::logs;

/// What `test-mapping` would read records by, with the proposal as its configuration.
pub fn decoder(yaml: &str) -> Decoder {
    let file = Path::new("config.yaml");
    let loaded = config::load(Some(file), [], &[], &mut |_| Ok(yaml.to_owned()));
    let loaded = loaded.unwrap_or_else(|errors| panic!("{errors}\nin\n{yaml}"));
    Decoder::new(&loaded.config.mapping)
}

fn events(proposal: &Proposal, samples: &[Sample]) -> Vec<String> {
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

#[test]
fn an_invented_desk_gives_the_events_worked_out_by_hand() {
    let cases = harness::cases("tests/inference");
    assert!(cases.len() >= 2, "cases are missing");
    for case in cases {
        let samples = samples::read(&case.join("records.jsonl"), false).unwrap();
        let proposal = inference::propose(&samples).unwrap();
        assert_eq!(proposal.preset, None, "{}", proposal.yaml);
        let found = events(&proposal, &samples).join("\n");
        let expected = fs::read_to_string(case.join("expected.jsonl")).unwrap();
        assert_eq!(found, expected.trim_end(), "by\n{}", proposal.yaml);
    }
}

/// The golden cases of each preset: another life than that of the published samples.
#[test]
fn the_samples_of_known_systems_give_their_preset() {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/mapping");
    for (name, _) in config::PRESETS {
        let case = golden.join(name).join("records.jsonl");
        let samples = samples::read(&case, true).unwrap();
        let proposal = inference::propose(&samples).unwrap_or_else(|| panic!("nothing for {name}"));
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
        let together: Vec<Sample> = files.iter().flat_map(read).collect();
        // Debezium's and CloudEvents' own samples are about no tickets: anything that loads will do.
        let is_wrapper = ["debezium", "cloudevents"].contains(&name);
        let alone = files.iter().map(read);
        for samples in [together].into_iter().chain(alone) {
            let Some(proposal) = inference::propose(&samples) else {
                assert!(is_wrapper, "nothing for {name}");
                continue;
            };
            decoder(&proposal.yaml);
            let is_right = proposal.preset == Some(name);
            assert!(is_right || is_wrapper, "{name}: {}", proposal.yaml);
        }
    }
}

/// Where no preset is asked, the mapping made from nothing finds at least the ticket and the time.
#[test]
fn without_presets_the_ticket_and_the_time_are_found() {
    use ticket_exporter::decode::{Record, infer};

    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/mapping");
    for (name, ticket, time) in [
        ("zendesk", ".detail.id", ".time"),
        ("jira", ".issue.key", ".timestamp"),
        ("github", ".issue.number", ".issue.updated_at"),
        ("zammad", ".ticket.id", ".ticket.updated_at"),
        (
            "zendesk-eventbridge",
            ".detail.ticket_event.ticket.id",
            ".detail.ticket_event.meta.occurred_at",
        ),
    ] {
        let samples = samples::read(&golden.join(name).join("records.jsonl"), true).unwrap();
        let records: Vec<Record<'_>> = samples.iter().map(Sample::record).collect();
        let yaml = infer(&records)
            .mapping
            .unwrap_or_else(|| panic!("nothing for {name}"));
        decoder(&yaml);
        let line = |key: &str| {
            yaml.lines()
                .find(|line| line.trim_start().starts_with(key))
                .unwrap()
        };
        assert!(line("ticket_id: ").contains(ticket), "{name}\n{yaml}");
        assert!(line("at: ").contains(time), "{name}\n{yaml}");
    }
}

/// The command, as a person uses it: the proposal into a file, the file to `test-mapping`.
#[test]
fn a_proposal_is_a_configuration() {
    let case = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/inference/lighthouse");
    let records = fs::read(case.join("records.jsonl")).unwrap();
    let output = run(&["infer-mapping", "-"], &records);
    let (yaml, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("11 records: 10 events"), "{said}");
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
    assert!(text(&output.stderr).contains("looks like the id of a ticket"));
}
