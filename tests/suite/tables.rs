//! Recorded tables through a mapping, compared with the conversion by the tests' own program.

use std::fs;

use crate::harness::{self, repository};
use crate::kpis::{beside, expected, logs_setup, replay, rules_of};
use crate::logs;
use crate::naive;

/// The events that `import` makes of the tables in a folder of the recorded data. The configuration of that
/// name is beside the tables, as that of a user would be.
fn imported(folder: &str, tables: &[&str]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name).display().to_string();
    for entry in fs::read_dir(logs::folder().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        fs::copy(entry.path(), place(&name)).unwrap();
    }
    let config = place("mapping.yaml");
    let mapping = format!("tests/tables/{folder}.yaml");
    fs::copy(repository().join(mapping), &config).unwrap();
    let files: Vec<String> = tables.iter().map(|table| place(table)).collect();
    let mut arguments = vec!["import", "--config.file", &config, "--strict"];
    arguments.extend(files.iter().map(String::as_str));
    let text = harness::run_well(&arguments, b"");
    text.lines().map(str::to_owned).collect()
}

/// Every series of the imported tables is that of the converted ones, by the other implementation of the KPIs,
/// and so are the counts beside them. Identical rows without an id are one event and its duplicates; the
/// conversion gives each row its number as an id.
fn assert_same(folder: &str, tables: &[&str], identical_rows: u32, converted: &[String]) {
    let setup = logs_setup();
    let lines = imported(folder, tables);
    assert_eq!(lines.len(), converted.len(), "{folder}");
    let mut expected = expected(&setup, converted, None);
    assert!(expected.len() > 100, "{folder}");
    let duplicates = expected.insert(beside("duplicate"), f64::from(identical_rows));
    assert_eq!(duplicates, Some(0.0), "{folder}");
    naive::compare::assert_same(&expected, &replay(&rules_of(&setup), &lines, None));
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn logs_of_activities_are_imported() {
    assert_same(
        "helpdesk_italian",
        &["helpdesk.csv.gz"],
        0,
        &logs::helpdesk_italian(),
    );
    assert_same(
        "bpi2013_closed_problems",
        &["closed_problems.csv.gz"],
        0,
        &logs::bpi2013(),
    );
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn tables_of_a_database_are_imported_together() {
    assert_same(
        "zendesk_dbt_seed",
        &[
            "ticket_data.csv",
            "ticket_field_history_data.csv",
            "ticket_comment_data.csv",
        ],
        3,
        &logs::zendesk(),
    );
}

#[test]
#[ignore = "recorded data: `tests/run` looks for it"]
fn one_row_for_each_ticket_is_imported() {
    assert_same(
        "kaggle_support_tickets_synthetic",
        &["tickets.csv.gz"],
        0,
        &logs::kaggle(),
    );
}
