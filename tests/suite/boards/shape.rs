//! What every board and panel has.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::{Board, UIDS, VARIABLES, text};
use crate::harness::repository;

const COLUMNS: u64 = 24;
/// Panels without a number in them.
const WORDS: &str = "text";
/// Variables that a board hands on to the others, whether it has a use for them or not.
const HANDED_ON: [&str; 4] = ["team", "priority", "clock", "window"];
/// Tables give each column its own unit.
const UNITS_BY_COLUMN: &str = "table";

#[test]
fn every_panel_says_what_it_is_and_what_to_do() {
    for board in Board::all() {
        let mut ids = BTreeSet::new();
        for panel in board.panels() {
            let title = text(panel, "title");
            let place = format!("{}: {title}", board.uid);
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{place}");
            let kind = text(panel, "type");
            if kind == "row" {
                continue;
            }
            let description = text(panel, "description");
            assert!(
                description.len() > 15 && description.ends_with('.'),
                "{place}"
            );
            if kind == WORDS {
                continue;
            }
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{place}");
            let targets = panel["targets"].as_array().unwrap();
            assert!(!targets.is_empty(), "{place}");
            for target in targets {
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{place}");
                let expression = text(target, "expr");
                assert!(
                    !expression.contains("vector(0)"),
                    "{place}: no data is not 0"
                );
            }
            let defaults = &panel["fieldConfig"]["defaults"];
            let overrides = panel["fieldConfig"]["overrides"].as_array().unwrap();
            let has_unit = defaults["unit"].is_string()
                || panel["options"]["yAxis"]["unit"].is_string()
                || (kind == UNITS_BY_COLUMN && !targets_of_words(panel) && has_units(overrides))
                || (kind == UNITS_BY_COLUMN && targets_of_words(panel));
            assert!(has_unit, "{place} has no unit");
            assert!(defaults["thresholds"]["steps"].is_array(), "{place}");
            assert_eq!(defaults["noValue"], "No data", "{place}");
        }
    }
}

fn has_units(overrides: &[Value]) -> bool {
    let mut properties = overrides
        .iter()
        .flat_map(|one| one["properties"].as_array().unwrap());
    properties.any(|property| property["id"] == "unit")
}

/// A table of versions has no number.
fn targets_of_words(panel: &Value) -> bool {
    let targets = panel["targets"].as_array().unwrap();
    targets
        .iter()
        .all(|target| text(target, "expr").contains("_info"))
}

#[test]
fn no_panel_covers_another() {
    for board in Board::all() {
        let mut taken = BTreeSet::new();
        for panel in board.panels() {
            let [x, y, width, height] = ["x", "y", "w", "h"]
                .map(|side| panel["gridPos"][side].as_u64().unwrap_or_default());
            let place = format!("{}: {}", board.uid, text(panel, "title"));
            assert!(width > 0 && height > 0 && x + width <= COLUMNS, "{place}");
            for cell in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
                assert!(taken.insert(cell), "{place} covers another panel");
            }
        }
    }
}

#[test]
fn boards_have_variables_links_and_annotations() {
    for board in Board::all() {
        let (uid, json) = (board.uid, &board.json);
        assert_eq!(json["uid"], uid);
        assert!(
            json["tags"]
                .as_array()
                .unwrap()
                .contains(&"ticket-exporter".into()),
            "{uid}"
        );
        assert!(
            text(json, "description").ends_with('?') || text(json, "description").ends_with('.')
        );
        assert!(
            json["refresh"].is_string() && json["time"]["from"].is_string(),
            "{uid}"
        );
        let links = json["links"].as_array().unwrap();
        assert!(!links.is_empty(), "{uid}");
        for link in links {
            assert!(
                link["keepTime"] == true && link["includeVars"] == true,
                "{uid}: {link}"
            );
        }
        let declared = board.names_of_variables();
        let expected: &[&str] = match uid {
            "ticket-exporter" => &["datasource", "job", "instance"],
            _ => &["datasource", "team", "priority", "clock"],
        };
        for variable in expected {
            assert!(
                declared.contains(variable),
                "{uid} has no variable {variable}"
            );
        }
        for variable in board.variables() {
            let name = text(variable, "name");
            assert!(!text(variable, "description").is_empty(), "{uid}: {name}");
            if ["team", "priority", "policy", "target", "job", "instance"].contains(&name) {
                assert!(
                    variable["multi"] == true && variable["includeAll"] == true,
                    "{uid}: {name}"
                );
            }
        }
        let everything = json.to_string();
        for (variable, _) in VARIABLES {
            let name = variable.trim_start_matches('$');
            if everything.contains(variable) && !name.starts_with("__") {
                assert!(
                    declared.contains(name),
                    "{uid} uses {variable} and does not declare it"
                );
            }
        }
        let queries: String = board
            .queries()
            .iter()
            .map(|query| query.written.clone())
            .collect();
        for name in declared.iter().filter(|name| **name != "datasource") {
            assert!(
                queries.contains(&format!("${name}")) || HANDED_ON.contains(name),
                "{uid} declares {name} and does not use it"
            );
        }
        let names: Vec<&str> = board
            .annotations()
            .iter()
            .map(|one| text(one, "name"))
            .collect();
        assert!(names.contains(&"Exporter deploys"), "{uid}: {names:?}");
        assert_eq!(
            names.contains(&"SLA breaches"),
            uid != "ticket-exporter",
            "{uid}: {names:?}"
        );
    }
}

/// Who sees how fast the desk is sees how good it is, too.
#[test]
fn speed_is_never_without_quality() {
    for board in Board::all()
        .iter()
        .filter(|board| board.uid != "ticket-exporter")
    {
        let queries: String = board
            .queries()
            .iter()
            .map(|query| query.written.clone())
            .collect();
        for quality in ["csat_good", "reopened"] {
            assert!(
                queries.contains(quality),
                "{} shows no {quality}",
                board.uid
            );
        }
    }
}

#[test]
fn alerts_lead_to_boards_and_variables_that_exist() {
    let alerts = fs::read_to_string(repository().join("deploy/prometheus/alerts.yml")).unwrap();
    let boards = Board::all();
    let links: BTreeSet<&str> = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("dashboard_url: "))
        .map(|link| link.trim_matches('"'))
        .collect();
    assert!(links.len() >= 4, "{links:?}");
    for link in links {
        let (path, variables) = link.split_once('?').unwrap_or((link, ""));
        let uid = path.strip_prefix("/d/").unwrap();
        assert!(UIDS.contains(&uid), "{link}");
        let board = boards.iter().find(|board| board.uid == uid).unwrap();
        for variable in variables.split('&').filter(|part| !part.is_empty()) {
            let name = variable
                .strip_prefix("var-")
                .unwrap()
                .split('=')
                .next()
                .unwrap();
            assert!(board.names_of_variables().contains(name), "{link}: {name}");
        }
    }
}
