//! The dashboards as users see them: Grafana's own components render the committed files in a real browser.
//! A real Prometheus has a month of a simulated helpdesk's past and scrapes its exporter.
//!
//! `tests/rendering/README.md` names the parts that are Grafana's own. The test writes every picture to
//! `target/rendering`.

mod checks;
mod page;
mod scene;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::dashboards::Dashboard;
use crate::harness::repository;
use checks::Expected;
use page::{Drawing, Page};
use scene::Scene;

const THEMES: [&str; 2] = ["light", "dark"];
/// In pixels: a laptop, and a desktop screen.
const WIDTHS: [u32; 2] = [1280, 1600];
/// The folder for the pictures of the documents.
const PICTURES: &str = "PICTURES";
/// The height of such a picture in pixels.
const IN_SIGHT: u32 = 900;
/// A team, a priority and a tier that have enough tickets for every panel.
const TEAM: &str = "network";
const PRIORITY: &str = "p3";
const TIER: &str = "standard";
/// The group of policies beside the default one.
const GROUP: &str = "ola";

/// The renderings of a state, by dashboard, theme and width.
type Drawings = BTreeMap<(&'static str, &'static str, u32), Drawing>;

/// Renders all dashboards in all themes and widths, and writes the pictures.
fn draw_all(page: &mut Page, scene: &Scene, state: &str, values: &Value) -> Drawings {
    let folder = pictures(state);
    let mut drawings = BTreeMap::new();
    for theme in THEMES {
        for width in WIDTHS {
            for dashboard in Dashboard::all() {
                let asked = scene.request(&dashboard.json, theme, values);
                let drawing = page.draw(&asked, width);
                let name = format!("{}-{theme}-{width}.png", dashboard.uid);
                std::fs::write(folder.join(name), page.picture(width, drawing.height)).unwrap();
                drawings.insert((dashboard.uid, theme, width), drawing);
            }
        }
    }
    drawings
}

fn pictures(state: &str) -> PathBuf {
    let folder = repository().join("target/rendering").join(state);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The complaints about each rendering of a state.
fn judge(
    state: &str,
    drawings: &Drawings,
    check: impl Fn(&Dashboard, &Drawing) -> Vec<String>,
) -> Vec<String> {
    let dashboards = Dashboard::all();
    let dashboard = |uid: &str| {
        dashboards
            .iter()
            .find(|dashboard| dashboard.uid == uid)
            .unwrap()
    };
    let mut complaints = Vec::new();
    for ((uid, theme, width), drawing) in drawings {
        let found = check(dashboard(uid), drawing);
        complaints.extend(
            found
                .into_iter()
                .map(|complaint| format!("{state}, {uid}, {theme}, {width}: {complaint}")),
        );
    }
    complaints
}

#[test]
fn dashboards_show_what_they_should() {
    let scene = Scene::with_a_past();
    let mut page = Page::open();
    let everything = draw_all(&mut page, &scene, "data", &json!({}));
    let mut complaints = judge("data", &everything, |dashboard, drawing| {
        checks::full(dashboard, drawing, Expected::Everything)
    });

    for (state, variable, values) in [
        ("one-team", "team", json!({ "team": [TEAM] })),
        (
            "one-priority",
            "priority",
            json!({ "priority": [PRIORITY] }),
        ),
        (
            "one-tier",
            "value",
            json!({ "attribute": "tier", "value": [TIER] }),
        ),
        ("one-group", "group", json!({ "group": [GROUP] })),
    ] {
        let drawings = draw_all(&mut page, &scene, state, &values);
        complaints.extend(judge(state, &drawings, |dashboard, drawing| {
            checks::full(dashboard, drawing, Expected::ASelection)
        }));
        for (key, drawing) in &drawings {
            let dashboard = Dashboard::all()
                .into_iter()
                .find(|dashboard| dashboard.uid == key.0);
            let found = checks::obeys(&dashboard.unwrap(), variable, &everything[key], drawing);
            complaints.extend(
                found
                    .into_iter()
                    .map(|one| format!("{state}, {key:?}: {one}")),
            );
        }
    }

    let fresh = draw_all(&mut page, &scene.just_started(), "fresh", &json!({}));
    complaints.extend(judge("fresh", &fresh, |_, drawing| {
        checks::legible(drawing)
    }));
    complaints.extend(judge("fresh", &fresh, |dashboard, drawing| {
        checks::as_with_a_past(drawing, &everything[&(dashboard.uid, THEMES[0], WIDTHS[0])])
    }));

    let empty = draw_all(&mut page, &scene.without_data(), "no-data", &json!({}));
    complaints.extend(judge("no-data", &empty, checks::without_data));

    complaints.extend(page.complaints());
    assert!(
        complaints.is_empty(),
        "{} complaints; the pictures are in target/rendering\n{complaints:#?}",
        complaints.len()
    );
    broken_dashboards_are_noticed(&mut page, &scene);
    if let Some(folder) = std::env::var_os(PICTURES) {
        write_pictures(&mut page, &scene, Path::new(&folder));
    }
}

/// Puts each mistake that real dashboards had into a copy, and expects a complaint.
fn broken_dashboards_are_noticed(page: &mut Page, scene: &Scene) {
    let empty = scene.without_data();
    for (uid, break_it, without_data, word) in BROKEN {
        let mut dashboard = Dashboard::all()
            .into_iter()
            .find(|one| one.uid == *uid)
            .unwrap();
        for panel in dashboard.json["panels"].as_array_mut().unwrap() {
            break_it(panel);
        }
        let asked = if *without_data { &empty } else { scene };
        let drawing = page.draw(
            &asked.request(&dashboard.json, "dark", &json!({})),
            WIDTHS[0],
        );
        let found = if *without_data {
            checks::without_data(&dashboard, &drawing)
        } else {
            checks::full(&dashboard, &drawing, Expected::Everything)
        };
        assert!(
            found.iter().any(|complaint| complaint.contains(word)),
            "{uid}: nothing of {word} in {found:#?}"
        );
    }
}

type Mistake = (&'static str, fn(&mut Value), bool, &'static str);

const BROKEN: &[Mistake] = &[
    ("ticket-quality", round_counts, false, "rounded"),
    ("ticket-sla", widen_columns, false, "out of sight"),
    ("ticket-capacity", do_not_sort, false, "order"),
    ("ticket-team", forget_no_data, true, "color"),
    ("ticket-team", ask_for_nothing, false, "No data"),
];

fn round_counts(panel: &mut Value) {
    let written = panel["fieldConfig"].to_string();
    panel["fieldConfig"] = serde_json::from_str(&written.replace("\"none\"", "\"short\"")).unwrap();
}

fn widen_columns(panel: &mut Value) {
    if panel["type"] == "table" {
        panel["fieldConfig"]["defaults"]["custom"]["minWidth"] = json!(180);
    }
}

fn do_not_sort(panel: &mut Value) {
    if let Some(transformations) = panel["transformations"].as_array_mut() {
        transformations.retain(|one| one["id"] != "sortBy");
    }
}

fn forget_no_data(panel: &mut Value) {
    if panel["type"] == "stat" {
        panel["fieldConfig"]["defaults"]["mappings"] = json!([]);
        panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["color"] = json!("green");
    }
}

fn ask_for_nothing(panel: &mut Value) {
    for target in panel["targets"].as_array_mut().into_iter().flatten() {
        target["expr"] = json!("ticket_backlog{team=\"no such team\"}");
    }
}

/// The visible part of a dashboard without scrolling, for the README and the documents.
fn write_pictures(page: &mut Page, scene: &Scene, folder: &Path) {
    let width = WIDTHS[0];
    for theme in THEMES {
        for dashboard in Dashboard::all() {
            page.draw(&scene.request(&dashboard.json, theme, &json!({})), width);
            let name = format!("{}-{theme}.png", dashboard.uid);
            std::fs::write(folder.join(name), page.picture(width, IN_SIGHT)).unwrap();
        }
    }
}
