//! The pages in use: they refresh without disturbing the reader, say when they cannot, and need neither
//! scripts nor anything from elsewhere.

use serde_json::json;

use super::{PATIENCE, REFRESHED, Site, cell};
use crate::end_to_end::{kafka_section, wait_for_reason};
use crate::harness::{Chromium, Exporter, Kafka, Record, free_port};

#[test]
fn it_refreshes_without_disturbing_the_reader() {
    let mut site = Site::start();
    let mut browser = Chromium::start();
    browser.resize(360, 500, true);
    site.open(&mut browser, "/?window=7d");
    browser.evaluate(
        "window.loadedOnce = true;\
         document.querySelector('details').open = true;\
         [...document.querySelectorAll('.choice a')].find(link => link.innerText === '1h').focus();\
         scrollTo(0, 150);\
         getSelection().setBaseAndExtent(\
             document.getElementById('teams').firstChild, 1, document.getElementById('teams').firstChild, 4)",
    );
    let before = browser.text("document.getElementById('asof').innerText");
    site.create("N-1", "zz-new");
    let there = "!!document.querySelector('tr[data-key=\"zz-new\"]')";
    browser.wait_until(there, REFRESHED);
    assert_eq!(browser.text(&cell("zz-new", "Backlog")), "1");
    assert_ne!(
        browser.text("document.getElementById('asof').innerText"),
        before
    );
    for (what, expected) in [
        ("window.loadedOnce", json!(true)),
        ("document.activeElement.innerText", json!("1h")),
        ("document.querySelector('details').open", json!(true)),
        ("Math.round(scrollY)", json!(150)),
        ("getSelection().toString()", json!("eam")),
        ("document.getElementById('silent').hidden", json!(true)),
    ] {
        assert_eq!(browser.evaluate(what), expected, "{what}");
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let own = site.exporter.url("/");
    for url in browser.requests().keys() {
        assert!(url.starts_with(&own) || url == "data:,", "{url}");
    }

    // The numbers stay, and the page says that they are old.
    site.exporter.kill9();
    browser.wait_until("!document.getElementById('silent').hidden", REFRESHED);
    assert_eq!(browser.text(&cell("zz-new", "Backlog")), "1");
}

#[test]
fn it_says_why_it_is_not_ready() {
    let config = format!(
        "kafka: {{ brokers: [\"127.0.0.1:{}\"], topics: [t] }}\n",
        free_port()
    );
    let exporter = Exporter::start(&[], &config);
    wait_for_reason(&exporter, "Connection refused");
    let mut browser = Chromium::start();
    browser.open(&exporter.url("/"));
    let state = browser.text("document.querySelector('[role=status]').innerText");
    assert!(
        state.contains("Not ready") && state.contains("Connection refused"),
        "{state}"
    );
    assert!(browser.text("document.body.innerText").contains("withheld"));
    assert_eq!(
        browser.evaluate("document.querySelector('table')"),
        json!(null)
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());

    let answer = exporter.get("/api/v1/kpis");
    assert_eq!(answer.status, 503);
    assert!(
        answer.json()["reasons"][0]
            .as_str()
            .unwrap()
            .contains("Connection refused")
    );
    let answer = exporter.get("/tickets");
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("web.tickets: true"));
}

#[test]
fn it_shows_the_teams_after_catching_up() {
    let mut site = Site::start();
    site.exporter.kill9();
    let mut browser = Chromium::start();
    site.exporter.restart();
    browser.open(&site.exporter.url("/"));
    site.exporter.wait_ready(PATIENCE);
    browser.wait_until("document.body.innerText.includes('Ready.')", REFRESHED);
    browser.wait_until(
        "!!document.querySelector('tr[data-key=billing]')",
        REFRESHED,
    );
}

#[test]
fn it_works_without_scripts_and_by_keyboard() {
    let site = Site::start();
    let mut browser = Chromium::start();
    browser.resize(1280, 900, false);
    site.open(&mut browser, "/");
    let mut reached = Vec::new();
    for _ in 0..30 {
        browser.press_tab();
        let focused = "document.activeElement.innerText + (document.activeElement.matches(\
                       ':focus-visible') ? '' : ' without a mark')";
        let focused = browser.text(focused);
        let is_choice = focused == "7d";
        reached.push(focused);
        if is_choice {
            break;
        }
    }
    for name in [
        "ticket-exporter",
        "Metrics",
        "KPIs as JSON",
        "Tickets",
        "Health",
        "1h",
        "7d",
    ] {
        assert!(
            reached.iter().any(|one| one == name),
            "{name} in {reached:?}"
        );
    }
    browser.press_enter();
    browser.wait_until("location.search.includes('window=7d')", REFRESHED);
    let current = "document.querySelector('.choice [aria-current]').innerText";
    browser.wait_until(&format!("{current} === '7d'"), REFRESHED);

    browser.allow_scripts(false);
    site.open(&mut browser, "/?window=1h");
    assert_eq!(browser.text(current), "1h");
    assert_eq!(browser.text(&cell("billing", "Backlog")), "7");
}

#[test]
fn the_table_sorts_by_a_click_on_a_head_and_stays_sorted() {
    let site = Site::start();
    let mut browser = Chromium::start();
    browser.resize(1280, 900, false);
    browser.allow_scripts(false);
    site.open(&mut browser, "/?window=24h&clock=business");
    let click = "[...document.querySelectorAll('thead a')]\
                 .find(link => link.innerText.startsWith('Created')).click()";
    let created = "[...document.querySelectorAll('td[data-label=Created]')]\
                   .map(cell => Number(cell.innerText))";
    for (direction, is_descending) in [("descending", true), ("ascending", false)] {
        browser.evaluate(click);
        let sorted = format!("location.search.includes('sort=created&order={direction}')");
        browser.wait_until(&sorted, REFRESHED);
        let marked = format!("!!document.querySelector('th[aria-sort={direction}]')");
        browser.wait_until(&marked, REFRESHED);
        let shown = browser.evaluate(created);
        let shown: Vec<u64> = serde_json::from_value(shown).unwrap();
        let mut expected = shown.clone();
        expected.sort_unstable();
        if is_descending {
            expected.reverse();
        }
        assert_eq!(shown, expected, "{direction}");
        assert!(expected.first() != expected.last(), "{expected:?}");
    }
    let link =
        "[...document.querySelectorAll('.choice a')].find(link => link.innerText === '7d').href";
    assert!(browser.text(link).contains("sort=created"));
    // The form of a narrow page has the same choice.
    browser.resize(390, 844, true);
    let chosen = "[...document.querySelectorAll('.order select')].map(one => one.value).join()";
    assert_eq!(browser.text(chosen), "created,ascending");
}

#[test]
fn it_says_that_no_record_can_be_used() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("useless", 1);
    let records = (0..200).map(|number| Record::keyed(number.to_string(), "{\"id\": 1}"));
    kafka.produce(&topic, records.collect::<Vec<_>>());
    let mut exporter = Exporter::start(&[], &kafka_section(kafka, &topic, ""));
    exporter.wait_ready(PATIENCE);
    let mut browser = Chromium::start();
    browser.open(&exporter.url("/"));
    let text = "document.body.innerText";
    browser.wait_until(
        &format!("{text}.includes('no record so far can be used')"),
        REFRESHED,
    );
    let state = browser.text("document.querySelector('[role=status]').innerText");
    assert!(state.contains(&topic), "{state}");
}
