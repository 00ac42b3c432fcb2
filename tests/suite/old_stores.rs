//! Stores of earlier versions: after an update the numbers continue.
//!
//! `tests/stores` has one folder for each state version, written by the program of that time from
//! `tests/stores/desk.yaml` (from version 5 on: `desk-5.yaml`) and [`helpdesk`]. They are never rewritten; a new state version adds its own:
//! `TICKET_EXPORTER_TEST_WRITE_STORE=1 cargo test --test basic store_of_this_version`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ticket_exporter::app::ingest::IngestState;
use ticket_exporter::app::recovery::{read, recover};
use ticket_exporter::config::{self, Config};
use ticket_exporter::decode::decode;
use ticket_exporter::domain::timestamp::Timestamp;
use ticket_exporter::edge::self_metrics::{BuildInfo, SelfMetrics};
use ticket_exporter::engine::{Engine, STATE_VERSION};
use ticket_exporter::exposition::Format;

use crate::properties::input::exposition;
use crate::stories::dice::Dice;

/// 2026-03-02T08:00:00Z, a Monday.
const START: i64 = 1_772_438_400_000;
const MINUTE: i64 = 60_000;
const TICKETS: i64 = 60;
/// Set to write the store of this version to the repository.
const WRITE_VARIABLE: &str = "TICKET_EXPORTER_TEST_WRITE_STORE";
/// The stores contain the first two hours. The next two hours of events need all of the state.
const KEPT: i64 = START + 120 * MINUTE;
/// The state versions before do not have the user's own attributes, groups of policies and the last KPIs.
const FIRST_WITH_ATTRIBUTES: u32 = 5;
/// These KPIs, in families and in the label `kpi`.
const LATER_KPIS: [&str; 3] = ["assignment", "requester_wait", "agent_wait"];
const END: i64 = START + 180 * MINUTE;

fn stores() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores")
}

fn configuration(version: u32, directory: &Path) -> Config {
    let name = if version < FIRST_WITH_ATTRIBUTES {
        "desk.yaml"
    } else {
        "desk-5.yaml"
    };
    let file = stores().join(name);
    let text = fs::read_to_string(&file).unwrap();
    let mut config = config::load(Some(&file), [], &[], &mut |_| Ok(text.clone()))
        .unwrap()
        .config;
    config.checkpoint.directory = directory.to_owned();
    config
}

/// Events in order with their times. They have no meaning, but every type.
fn helpdesk(version: u32) -> Vec<(i64, String)> {
    let mut dice = Dice::new(7);
    let mut attributes = Dice::new(8);
    let kinds = [
        r#""type":"message","actor":"agent""#,
        r#""type":"message","actor":"customer""#,
        r#""type":"status_changed","status":"pending""#,
        r#""type":"status_changed","status":"on_hold""#,
        r#""type":"solved""#,
        r#""type":"reopened""#,
        r#""type":"closed""#,
        r#""type":"team_changed","team":"network""#,
        r#""type":"priority_changed","priority":"p1""#,
        r#""type":"agent_changed","agent":"a""#,
        r#""type":"worklog","handle_seconds":90"#,
        r#""type":"csat_offered""#,
        r#""type":"csat_rated","score":4"#,
        r#""type":"escalated""#,
        r#""type":"spam""#,
        r#""type":"undeleted""#,
    ];
    let mut events = Vec::new();
    let mut at = START;
    for number in 0..1_500_i64 {
        at += 7_200;
        let ticket = dice.below(TICKETS);
        let event = if number < TICKETS {
            format!(
                r#"{{"ticket_id":{number},"at":{at},"type":"created","team":"billing","priority":"p2","channel":"email"}}"#
            )
        } else {
            let kind = dice.pick(&kinds);
            format!(r#"{{"ticket_id":{ticket},"at":{at},"event_id":"{number}",{kind}}}"#)
        };
        events.push((at, event));
        if version >= FIRST_WITH_ATTRIBUTES
            && attributes.chance(40)
            && let Some((_, event)) = events.last_mut()
        {
            let tier = attributes.pick(&["\"gold\"", "\"silver\"", "\"bronze\"", "null"]);
            let product = attributes.pick(&["printer", "phone"]);
            let stated = format!(",\"attributes\":{{\"tier\":{tier},\"product\":\"{product}\"}}}}");
            event.pop();
            event.push_str(&stated);
        }
    }
    events
}

/// Applies the events of a time span, and moves the clock to its end.
fn apply(version: u32, engine: &mut Engine, from: i64, to: i64) {
    let partition = match engine.partition_numbered(0) {
        Some(partition) => partition,
        None => engine.add_partition().unwrap(),
    };
    for (at, event) in helpdesk(version) {
        if at > from && at <= to {
            engine.apply(partition, &decode(event.as_bytes(), None).unwrap());
        }
    }
    engine.advance(partition, Timestamp(to));
}

/// Every line of KPIs that the version has, including start timestamps, in any order.
fn series(version: u32, engine: &mut Engine) -> BTreeSet<String> {
    let bytes = exposition(&engine.snapshot(), Format::OpenMetrics);
    let text = String::from_utf8(bytes).unwrap();
    let is_later = |line: &&str| {
        LATER_KPIS.iter().any(|kpi| {
            line.contains(&format!("ticket_{kpi}_seconds"))
                || line.contains(&format!("kpi=\"{kpi}\""))
        })
    };
    text.lines()
        .filter(|line| version >= FIRST_WITH_ATTRIBUTES || !is_later(line))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_numbers_of_every_earlier_store_continue() {
    let mut versions = 0;
    for entry in fs::read_dir(stores()).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        versions += 1;
        let version = folder
            .file_name()
            .unwrap()
            .to_string_lossy()
            .parse()
            .unwrap();
        // Loading does not change the store.
        let config = configuration(version, &folder);
        let mut restored = read(&config).unwrap().engine;
        let mut fresh = Engine::new(Arc::new(config.rules), Timestamp(START));
        apply(version, &mut fresh, START, KEPT);
        let name = folder.display();
        assert!(restored.tickets() > 0);
        assert_eq!(
            series(version, &mut restored),
            series(version, &mut fresh),
            "{name}: as kept"
        );
        apply(version, &mut restored, KEPT, END);
        apply(version, &mut fresh, KEPT, END);
        assert_eq!(
            series(version, &mut restored),
            series(version, &mut fresh),
            "{name}: later"
        );
    }
    assert_eq!(versions, STATE_VERSION, "one a version");
}

/// This version reads the store that it writes. On request the test stores it for later versions.
#[test]
fn the_numbers_of_a_store_of_this_version_continue() {
    let directory = tempfile::tempdir().unwrap();
    let config = configuration(STATE_VERSION, directory.path());
    let build = BuildInfo {
        version: "",
        revision: "",
        rustc: "",
    };
    let metrics = Arc::new(SelfMetrics::new(build, Timestamp(START), &[], &[]).unwrap());
    let (state, _) = recover(&config, Timestamp(START), &metrics, None).unwrap();
    let IngestState {
        mut engine,
        mut offsets,
        writer,
    } = state;
    let mut writer = writer.unwrap();
    // In two steps, so that the second one changes written records.
    for (from, to) in [(START, START + 60 * MINUTE), (START + 60 * MINUTE, KEPT)] {
        apply(STATE_VERSION, &mut engine, from, to);
        writer.write(&mut engine, &mut offsets).unwrap();
        writer.wait(Duration::from_secs(10)).unwrap();
    }
    drop(writer);
    let mut restored = read(&config).unwrap().engine;
    assert!(restored.tickets() > 0);
    assert_eq!(
        series(STATE_VERSION, &mut restored),
        series(STATE_VERSION, &mut engine)
    );
    if std::env::var_os(WRITE_VARIABLE).is_none() {
        return;
    }
    let target = stores().join(STATE_VERSION.to_string());
    fs::create_dir(&target).expect("a store of this version is there already");
    for entry in fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name.to_string_lossy().starts_with("segment-") {
            fs::copy(entry.path(), target.join(name)).unwrap();
        }
    }
}
