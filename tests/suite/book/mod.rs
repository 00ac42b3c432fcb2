//! The documentation as a reader uses it: the book is built, Prometheus takes the queries and scrape
//! configurations, and the commands of the tutorial are run.

#[path = "../documentation/markdown.rs"]
mod markdown;
mod pages;
mod tutorial;

use std::fmt::Write as _;
use std::fs;

use markdown::{blocks_of, documents, read};

use crate::harness::promtool;

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
