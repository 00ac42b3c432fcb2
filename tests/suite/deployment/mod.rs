//! Everything in `deploy/` that runs the exporter: the image, the compose stack, the Helm chart and the
//! plain manifests. The tests have no container engine, so they start the parts themselves with the same
//! files.

mod chart;
mod compose;
mod image;
mod manifests;
mod pods;
mod rules;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::harness::{deployment, helm, operator_types, repository};

const CHART: &str = "deploy/helm/ticket-exporter";
const CASES: &str = "tests/deployment";

/// Expects success and returns the standard output.
#[track_caller]
fn said(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{errors}");
    text
}

/// Files of a folder in the repository with this ending, in order.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(repository().join(folder)).unwrap();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|one| one == ending))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "nothing in {folder}");
    found
}

fn case(name: &str) -> PathBuf {
    let path = format!("{CASES}/values/{name}.yaml");
    repository().join(path)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs `helm template` with a file of values and further arguments.
fn template(values: &Path, more: &[&str]) -> Output {
    Command::new(helm())
        .args(["template", "desk", CHART, "--namespace", "support"])
        .arg("--values")
        .arg(values)
        .args(more)
        .current_dir(repository())
        .output()
        .unwrap()
}

/// Objects as JSON. Each is checked against the schema of its kind.
#[track_caller]
fn checked(yaml: &str) -> Vec<Value> {
    let mut child = Command::new(deployment("python"))
        .arg(repository().join(CASES).join("rendered.py"))
        .arg(operator_types())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It reads everything before it writes.
    let mut input = child.stdin.take().unwrap();
    input.write_all(yaml.as_bytes()).unwrap();
    drop(input);
    serde_json::from_str(&said(child.wait_with_output().unwrap())).unwrap()
}

/// The rendered objects of a case.
#[track_caller]
fn rendered(name: &str) -> Vec<Value> {
    checked(&said(template(&case(name), &[])))
}

/// The objects of a kind.
fn of<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|one| one["kind"] == kind).collect()
}

/// The only object of a kind.
#[track_caller]
fn the<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found = of(objects, kind);
    assert_eq!(found.len(), 1, "{kind}");
    found[0]
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

#[track_caller]
fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("no list: {value}"))
}
