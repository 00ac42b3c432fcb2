//! Properties of every dashboard and panel.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::{Dashboard, Query, UIDS, VARIABLES, text};
use crate::harness::repository;

const COLUMNS: u64 = 24;
/// A table has a unit for each column.
const UNITS_BY_COLUMN: &str = "table";
/// Variables that select tickets or exporters. Every number obeys all of them that its dashboard has.
const SELECTIONS: [&str; 8] = [
    "team", "priority", "value", "group", "policy", "target", "job", "instance",
];
/// Series of the configuration, which is the same for every team and priority.
const CONFIGURED: [&str; 2] = [
    "ticket_exporter_sla_objective_ratio",
    "ticket_sla_target_seconds",
];
/// Series of gateways, which the selection of exporters does not select.
const OF_GATEWAYS: &str = "ticket_gateway_";
/// The value mapping that shows "no data" in a neutral color.
const NO_DATA: &str = "null+nan";

#[test]
fn every_panel_describes_itself_and_what_to_do() {
    for dashboard in Dashboard::all() {
        let mut ids = BTreeSet::new();
        for panel in dashboard.panels() {
            let title = text(panel, "title");
            let place = format!("{}: {title}", dashboard.uid);
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
            let has_unit =
                defaults["unit"].is_string() || (kind == UNITS_BY_COLUMN && has_units(overrides));
            assert!(has_unit, "{place} has no unit");
            assert!(defaults["thresholds"]["steps"].is_array(), "{place}");
            // Grafana draws it along the axis of a chart and omits a label there.
            if kind != "timeseries" {
                assert_eq!(defaults["noValue"], "No data", "{place}");
            }
            if ["stat", "bargauge"].contains(&kind) {
                let mappings = defaults["mappings"].to_string();
                assert!(mappings.contains(NO_DATA), "{place}: no data is green");
                assert!(
                    targets.iter().all(|target| target["instant"] == true),
                    "{place}: a range would show what is gone"
                );
            }
            assert!(
                !panel["fieldConfig"].to_string().contains("\"short\""),
                "{place} rounds counts"
            );
            if kind == UNITS_BY_COLUMN {
                let least = defaults["custom"]["minWidth"].as_u64().unwrap();
                assert!(least <= 60, "{place}: wide columns hide others");
            }
        }
    }
}

fn has_units(overrides: &[Value]) -> bool {
    let mut properties = overrides
        .iter()
        .flat_map(|one| one["properties"].as_array().unwrap());
    properties.any(|property| property["id"] == "unit")
}

#[test]
fn no_panel_covers_another() {
    for dashboard in Dashboard::all() {
        let mut taken = BTreeSet::new();
        for panel in dashboard.panels() {
            let [x, y, width, height] = ["x", "y", "w", "h"]
                .map(|side| panel["gridPos"][side].as_u64().unwrap_or_default());
            let place = format!("{}: {}", dashboard.uid, text(panel, "title"));
            assert!(width > 0 && height > 0 && x + width <= COLUMNS, "{place}");
            for cell in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
                assert!(taken.insert(cell), "{place} covers another panel");
            }
        }
    }
}

#[test]
fn dashboards_have_variables_links_and_annotations() {
    for dashboard in Dashboard::all() {
        let (uid, json) = (dashboard.uid, &dashboard.json);
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
        let declared = dashboard.names_of_variables();
        let expected: &[&str] = match uid {
            "ticket-exporter" => &["datasource", "job", "instance"],
            "ticket-capacity" => &["datasource", "team"],
            _ => &["datasource", "team", "priority", "attribute", "value"],
        };
        for variable in expected {
            assert!(
                declared.contains(variable),
                "{uid} has no variable {variable}"
            );
        }
        for variable in dashboard.variables() {
            let name = text(variable, "name");
            assert!(!text(variable, "description").is_empty(), "{uid}: {name}");
            assert!(variable.get("id").is_none(), "{uid}: {name} has an id");
            if SELECTIONS.contains(&name) {
                assert!(
                    variable["multi"] == true && variable["includeAll"] == true,
                    "{uid}: {name}"
                );
            }
        }
        let everything = json.to_string();
        for (variable, _) in VARIABLES {
            let name = variable.trim_start_matches(['$', '{']);
            if everything.contains(variable) && !name.starts_with("__") {
                assert!(
                    declared.contains(name),
                    "{uid} uses {variable} and does not declare it"
                );
            }
        }
        for written in everything.split("${").skip(1) {
            let end = written.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let name = &written[..end.unwrap()];
            assert!(
                name.starts_with("__") || declared.contains(name),
                "{uid} uses ${{{name}}} and does not declare it"
            );
        }
        for name in declared.iter().filter(|name| **name != "datasource") {
            assert!(
                everything.contains(&format!("${name}"))
                    || everything.contains(&format!("${{{name}")),
                "{uid} declares {name} and does not use it"
            );
        }
        let names: Vec<&str> = dashboard
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
        for breaches in dashboard
            .annotations()
            .iter()
            .filter(|one| one["name"] == "SLA breaches")
        {
            assert_eq!(
                breaches["enable"], false,
                "{uid}: breaches would cover every chart"
            );
        }
    }
}

/// A number that ignores a selection would mislead.
#[test]
fn every_number_obeys_every_selection() {
    for dashboard in Dashboard::all() {
        let declared = dashboard.names_of_variables();
        for query in dashboard.queries() {
            for selector in selectors(&query) {
                if CONFIGURED.iter().any(|name| selector.starts_with(name))
                    || selector.starts_with(OF_GATEWAYS)
                {
                    continue;
                }
                // A value is that of the chosen attribute.
                assert!(
                    !declared.contains("value") || selector.contains("$attribute=~\"$value\""),
                    "{}: {selector}",
                    query.place
                );
                for name in SELECTIONS
                    .into_iter()
                    .filter(|name| declared.contains(name))
                {
                    assert!(
                        selector.contains(&format!("=~\"${name}\"")),
                        "{}: {selector} ignores {name}",
                        query.place
                    );
                }
            }
        }
    }
}

/// A variable that follows from another one comes after it.
#[test]
fn values_follow_their_attribute() {
    for dashboard in Dashboard::all() {
        let names = dashboard.variables().iter().map(|one| text(one, "name"));
        let order: Vec<&str> = names
            .filter(|name| ["attribute", "value"].contains(name))
            .collect();
        assert!(
            order.is_empty() || order == ["attribute", "value"],
            "{}: {order:?}",
            dashboard.uid
        );
    }
}

/// The series of a query with their matchers.
fn selectors(query: &Query) -> Vec<&str> {
    let written = query.written.as_str();
    let ends = written.match_indices('}');
    let found: Vec<&str> = ends
        .filter_map(|(end, _)| {
            let begin = written[..end].rfind('{')?;
            let before = &written[..begin];
            // A variable in braces follows a dollar sign.
            let name = before.rfind(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let name = name.map_or(0, |place| place + 1);
            (!before.ends_with('$')).then(|| &written[name..=end])
        })
        .collect();
    assert!(
        !found.is_empty(),
        "{}: {written} asks for everything",
        query.place
    );
    found
}

/// A dashboard that shows the teams' speed also shows their quality.
#[test]
fn speed_is_never_without_quality() {
    let queries = |dashboard: &Dashboard| -> String {
        let queries = dashboard.queries().into_iter();
        queries.map(|query| query.written).collect()
    };
    let shows_speed = |queries: &str| {
        ["response_seconds", "resolution_seconds"]
            .iter()
            .any(|speed| queries.contains(speed))
    };
    let dashboards = Dashboard::all();
    assert!(
        dashboards
            .iter()
            .any(|dashboard| shows_speed(&queries(dashboard)))
    );
    for dashboard in &dashboards {
        let queries = queries(dashboard);
        if !shows_speed(&queries) {
            continue;
        }
        for quality in ["ticket_csat_ratings_total", "ticket_reopened_total"] {
            assert!(
                queries.contains(quality),
                "{} shows no {quality}",
                dashboard.uid
            );
        }
    }
}

#[test]
fn alerts_link_to_existing_dashboards_and_variables() {
    let alerts = fs::read_to_string(repository().join("deploy/prometheus/alerts.yml")).unwrap();
    let dashboards = Dashboard::all();
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
        let dashboard = dashboards
            .iter()
            .find(|dashboard| dashboard.uid == uid)
            .unwrap();
        for variable in variables.split('&').filter(|part| !part.is_empty()) {
            let name = variable
                .strip_prefix("var-")
                .unwrap()
                .split('=')
                .next()
                .unwrap();
            assert!(
                dashboard.names_of_variables().contains(name),
                "{link}: {name}"
            );
        }
    }
}
