//! `tests/web_config`: good and bad files, one for each rule. The comments at the start of a file are the
//! expected output of `check-config`, one line each: `# error 3:5: key.path: message` with the place `3:5`
//! in the file, or `# warning …`. `DIR` stands for the folder of the file.

use std::fs;

use super::{Site, repository_path};
use crate::harness::command;

/// Errors and warnings of a file, in order.
type Said = Vec<(String, String)>;

/// The fixtures of a folder, by name and text.
fn fixtures(kind: &str) -> Vec<(String, String)> {
    let folder = repository_path("tests/web_config").join(kind);
    let mut found: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    found.sort();
    assert!(found.len() > 30, "{}", found.len());
    found
}

fn expected(text: &str) -> Said {
    text.lines()
        .filter_map(|line| {
            let (kind, said) = line.strip_prefix("# ")?.split_once(' ')?;
            matches!(kind, "error" | "warning").then(|| (kind.to_owned(), said.to_owned()))
        })
        .collect()
}

/// The text of a PEM file, indented for a YAML key.
fn indented(site: &Site, name: &str) -> String {
    let text = fs::read_to_string(site.path(name)).unwrap();
    let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
    lines.join("\n")
}

/// Runs `check-config` on a fixture. Returns its exit code, its errors and warnings, and its whole output.
fn check(site: &Site, text: &str) -> (i32, Said, String) {
    let text = text
        .replace("INLINE_CERT", &indented(site, "server.crt"))
        .replace("INLINE_KEY", &indented(site, "server.key"))
        .replace("INLINE_CA", &indented(site, "ca.crt"));
    let output = command()
        .arg("check-config")
        .arg(site.flag(&text))
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let folder = site.folder.path().display().to_string();
    let mut said = Said::new();
    for line in stderr.replace(&folder, "DIR").lines() {
        let line = line.strip_prefix("ticket-exporter: ").unwrap_or(line);
        let (kind, line) = match line.strip_prefix("warning: ") {
            Some(rest) => ("warning", rest),
            None => ("error", line),
        };
        if let Some(rest) = line.strip_prefix("DIR/web.yml:") {
            said.push((kind.to_owned(), rest.to_owned()));
        }
    }
    (output.status.code().unwrap(), said, stderr)
}

#[test]
fn good_files_are_accepted() {
    let site = Site::new();
    for (name, text) in fixtures("good") {
        let (code, said, all) = check(&site, &text);
        assert_eq!(code, 0, "{name}: {all}");
        assert_eq!(said, expected(&text), "{name}: {all}");
    }
}

#[test]
fn bad_files_are_refused_with_their_place() {
    let site = Site::new();
    for (name, text) in fixtures("bad") {
        let (code, said, all) = check(&site, &text);
        assert_eq!(code, 78, "{name}: {all}");
        assert!(!said.is_empty(), "{name}: {all}");
        assert_eq!(said, expected(&text), "{name}: {all}");
        assert!(!all.contains("hunter2"), "{name} shows a secret: {all}");
    }
}
