//! The cases of `tests/golden`: each folder is one.

use super::compare::{compare, parse, render};
use super::{Setup, compute};
use std::path::PathBuf;

/// One golden folder.
#[derive(Debug)]
pub struct Story {
    pub name: String,
    pub setup: Setup,
    pub events: Vec<String>,
    /// Lines of the exposition that matter.
    pub expected: String,
}

/// Every golden case, by name.
pub fn stories() -> Vec<Story> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut stories: Vec<Story> = std::fs::read_dir(root)
        .expect("tests/golden")
        .filter_map(|entry| {
            let folder = entry.ok()?.path();
            let read = |file: &str| std::fs::read_to_string(folder.join(file)).ok();
            Some(Story {
                name: folder.file_name()?.to_string_lossy().into_owned(),
                setup: Setup::from_yaml(&read("config.yaml")?),
                events: read("events.jsonl")?.lines().map(str::to_owned).collect(),
                expected: read("expected.prom")?,
            })
        })
        .collect();
    stories.sort_by(|a, b| a.name.cmp(&b.name));
    stories
}

/// A line of `expected.prom` with the value 0 also stands for an absent series.
#[test]
fn the_naive_implementation_passes_the_golden_cases() {
    let mut wrong = Vec::new();
    for story in stories() {
        let output = compute(&story.setup, &story.events, None);
        let actual = parse(&render(&output.series));
        for (key, value) in parse(&story.expected) {
            let got = actual.get(&key).copied().unwrap_or(0.0);
            if (got - value).abs() > 1e-9 * value.abs() {
                wrong.push(format!("{}: {key} is {got}, not {value}", story.name));
            }
        }
        let has_invalid = story.name == "ratings-outside-the-scale";
        assert_eq!(output.invalid > 0, has_invalid, "{}", story.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(stories().len() >= 25, "cases are missing");
}

#[test]
fn rendered_series_equal_their_source() {
    for story in stories() {
        let series = compute(&story.setup, &story.events, None).series;
        assert_eq!(compare(&series, &render(&series)), [], "{}", story.name);
        assert_ne!(compare(&series, ""), [], "{}", story.name);
    }
}

#[test]
fn a_setup_equals_its_yaml_form() {
    for story in stories() {
        let again = Setup::from_yaml(&story.setup.to_yaml());
        assert_eq!(
            format!("{again:?}"),
            format!("{:?}", story.setup),
            "{}",
            story.name
        );
    }
}
