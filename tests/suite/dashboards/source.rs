//! The committed dashboards equal the output of their source.

use std::fs;
use std::process::Command;

use super::{FOLDER, UIDS};
use crate::harness::{python, repository};

#[test]
fn committed_dashboards_equal_their_source() {
    let folder = tempfile::tempdir().unwrap();
    let source = repository().join(FOLDER).join("source");
    let output = Command::new(python())
        .arg(source.join("generate.py"))
        .arg(folder.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let names = |folder: &std::path::Path| {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".json"))
            .collect();
        names.sort();
        names
    };
    let committed = repository().join(FOLDER);
    assert_eq!(names(folder.path()), UIDS.map(|uid| format!("{uid}.json")));
    assert_eq!(names(&committed), names(folder.path()));
    for name in names(folder.path()) {
        let [written, there] = [folder.path(), &committed]
            .map(|folder| fs::read_to_string(folder.join(&name)).unwrap());
        assert!(
            written == there,
            "{name} is not what its source writes: python {}",
            source.join("generate.py").display()
        );
    }
}
