//! `generate.py` writes the chart's copies, its table of values and the plain manifests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{CHART, checked, deployment, files, list, name_of, read, said, text};
use crate::harness::{document, folder, helm, repository};

/// Files below a folder, with their content.
fn tree(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let content = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(folder).unwrap().to_owned(), content));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn committed_files_equal_generated_ones() {
    let written = folder("generated");
    let output = Command::new(deployment("python"))
        .arg(repository().join("deploy/helm/generate.py"))
        .arg("--helm")
        .arg(helm())
        .arg(written.path())
        .output()
        .unwrap();
    said(output);
    let made = tree(written.path());
    for (path, content) in &made {
        let there = repository().join("deploy").join(path);
        assert!(
            fs::read_to_string(&there).ok().as_ref() == Some(content),
            "{} is not what deploy/helm/generate.py writes: run it",
            there.display()
        );
    }
    // No copy of a removed file is left.
    let copies = format!("{CHART}/files");
    let generated = made
        .iter()
        .filter(|(path, _)| Path::new("deploy").join(path).starts_with(&copies));
    assert_eq!(generated.count(), tree(&repository().join(&copies)).len());
}

#[test]
fn copies_are_byte_for_byte() {
    for (folder, name, ending) in [
        ("deploy/prometheus", "prometheus", "yml"),
        ("dashboards", "dashboards", "json"),
    ] {
        for source in files(folder, ending) {
            let copy = format!("{CHART}/files/{name}/{}", name_of(&source));
            assert!(
                fs::read(&source).unwrap() == fs::read(repository().join(&copy)).unwrap(),
                "{copy} is not {}: run deploy/helm/generate.py",
                source.display()
            );
        }
    }
}

#[test]
fn kustomize_finds_every_manifest_and_each_fits_its_schema() {
    for part in ["base", "prometheus-operator"] {
        let folder = format!("deploy/kubernetes/{part}");
        let kustomization = read(&format!("{folder}/kustomization.yaml"));
        let named: BTreeSet<&str> = kustomization
            .lines()
            .filter_map(|line| line.strip_prefix("  - "))
            .filter(|name| name.ends_with(".yaml"))
            .collect();
        let manifests = files(&folder, "yaml");
        let there: Vec<String> = manifests.iter().map(|path| name_of(path)).collect();
        let expected: BTreeSet<&str> = there
            .iter()
            .map(String::as_str)
            .filter(|name| *name != "kustomization.yaml")
            .collect();
        assert_eq!(named, expected, "{part}");
        for name in expected {
            let text = read(&format!("{folder}/{name}"));
            assert!(!checked(&text).is_empty(), "{name}");
            for helms_own in ["helm.sh/chart", "managed-by", "namespace: default"] {
                assert!(!text.contains(helms_own), "{name}: {helms_own}");
            }
        }
    }
}

/// `kubectl apply` stores each object in an annotation, and Kubernetes limits the size of annotations.
const MAX_ANNOTATIONS: usize = 256 << 10;

#[test]
fn each_dashboard_is_a_config_map_that_kubectl_can_apply() {
    let kustomization = document("dashboards/kustomization.yaml");
    let labels = &kustomization["generatorOptions"]["labels"];
    assert_eq!(labels["grafana_dashboard"], "1");
    let generators = list(&kustomization["configMapGenerator"]);
    let mut named = BTreeSet::new();
    let mut names = BTreeSet::new();
    for generator in generators {
        let [file] = list(&generator["files"]) else {
            panic!("not one file: {generator}");
        };
        named.insert(text(file).to_owned());
        names.insert(text(&generator["name"]));
        // The content is a JSON string twice: in the object, and in the annotation with the object.
        let content = read(&format!("dashboards/{}", text(file)));
        let object = serde_json::json!({ "data": { text(file): content }, "metadata": labels });
        assert!(
            object.to_string().len() < MAX_ANNOTATIONS,
            "{file} is too long"
        );
    }
    assert_eq!(names.len(), generators.len());
    let dashboards = files("dashboards", "json");
    let all: BTreeSet<String> = dashboards.iter().map(|path| name_of(path)).collect();
    assert_eq!(
        named, all,
        "dashboards/kustomization.yaml has to name every dashboard"
    );
    // The whole folder would be one ConfigMap with README and pictures.
    for page in ["docs/how-to/kubernetes.md", "docs/how-to/dashboards.md"] {
        let page = read(page);
        assert!(page.contains("kubectl apply -k dashboards"));
        assert!(!page.contains("--from-file=dashboards"));
    }
}
