//! The page, the JSON API and the series of `replay` have the same numbers.

use serde_json::{Value, json};
use ticket_exporter::domain::timestamp::{HOUR, MINUTE, Timestamp};

use super::{NASTY, Site, brief, cell, team, urgent_deadline};
use crate::end_to_end::{lines, replay};
use crate::harness::{Chromium, Scrape};

/// Every number of the JSON is that of the series.
#[track_caller]
fn compare(kpis: &Value, series: &Scrape) {
    let mut compared = 0;
    for one in kpis["teams"].as_array().unwrap() {
        let name = one["team"].as_str().unwrap();
        let of = |family: &str| series.metric(family).label("team", name);
        let total = |family: &str, labels: &[(&str, &str)]| -> f64 {
            let mut query = of(family);
            for (label, value) in labels {
                query = query.label(label, value);
            }
            query.samples().iter().map(|sample| sample.value).sum()
        };
        for (status, count) in one["backlog_by_status"].as_object().unwrap() {
            let expected = total("ticket_backlog", &[("status", status)]);
            assert_eq!(count.as_f64(), Some(expected), "{name} {status}");
        }
        assert_eq!(one["backlog"].as_f64(), Some(total("ticket_backlog", &[])));
        for (target, goals) in one["sla"].as_object().unwrap() {
            for state in ["running", "paused", "overdue"] {
                let expected = total(&format!("ticket_sla_{state}"), &[("target", target)]);
                assert_eq!(
                    goals[state].as_f64(),
                    Some(expected),
                    "{name} {target} {state}"
                );
            }
            for (within, count) in goals["at_risk"].as_object().unwrap() {
                let labels = [("target", target.as_str()), ("within", within)];
                let expected = total("ticket_sla_at_risk", &labels);
                assert_eq!(count.as_f64(), Some(expected), "{name} {target} {within}");
            }
        }
        for (window, report) in one["windows"].as_object().unwrap() {
            for (event, count) in report["events"].as_object().unwrap() {
                let query = of("ticket_window_events").label("event", event);
                let expected = query.label("window", window).value();
                assert_eq!(count.as_f64(), Some(expected), "{name} {window} {event}");
            }
            for (kpi, clocks) in report["durations"].as_object().unwrap() {
                for (clock, duration) in clocks.as_object().unwrap() {
                    let clock = match clock.as_str() {
                        "reported" => "calendar",
                        "derived" => "business",
                        clock => clock,
                    };
                    let labeled = |family: &str| {
                        let query = of(family).label("kpi", kpi).label("clock", clock);
                        query.label("window", window)
                    };
                    if duration.is_null() {
                        labeled("ticket_window_seconds_mean").is_absent();
                        continue;
                    }
                    let mean = labeled("ticket_window_seconds_mean").value();
                    assert_eq!(duration["mean_seconds"].as_f64(), Some(mean));
                    for (member, quantile) in [
                        ("p50_seconds", "0.5"),
                        ("p90_seconds", "0.9"),
                        ("p95_seconds", "0.95"),
                        ("p99_seconds", "0.99"),
                    ] {
                        let query = labeled("ticket_window_seconds").label("quantile", quantile);
                        assert_eq!(duration[member].as_f64(), Some(query.value()));
                        compared += 1;
                    }
                }
            }
        }
    }
    assert!(
        compared > 50,
        "only {compared} quantiles: the story is too thin"
    );
}

#[test]
fn page_and_json_and_replay_say_the_same() {
    let site = Site::start();
    let kpis = site.json("/api/v1/kpis");
    let clock = Timestamp::parse(kpis["clock"].as_str().unwrap()).unwrap();
    let records = site.kafka.consume(&site.topic);
    compare(&kpis, &replay(&site.config, &lines(&records), clock));

    let mut browser = Chromium::start();
    for clock in ["calendar", "business"] {
        site.open(&mut browser, &format!("/?window=24h&clock={clock}"));
        for name in ["billing", "network", NASTY] {
            let team = team(&kpis, name);
            let window = &team["windows"]["24h"];
            let first = &window["durations"]["first_response"][clock];
            let events = &window["events"];
            let share = |name: &str, whole: &str| {
                let percent = window[name].as_f64().unwrap() * 100.0;
                format!("{percent:.1} % n {}", events[whole])
            };
            for (column, expected) in [
                ("Backlog", team["backlog"].to_string()),
                ("Created", events["created"].to_string()),
                ("Solved", events["solved"].to_string()),
                ("First response p50", brief(&first["p50_seconds"])),
                ("First response p90", brief(&first["p90_seconds"])),
                ("SLA met", share("sla_met_share", "sla_goal")),
                ("First contact", share("first_contact_share", "finalized")),
                ("Reopened", share("reopened_per_solved", "solved")),
            ] {
                let shown = browser.text(&cell(name, column));
                let words: Vec<&str> = shown.split_whitespace().collect();
                assert_eq!(words.join(" "), expected, "{name} {column}");
            }
        }
        // A team of which nothing is known says so, and counts what it knows to be none.
        assert!(
            browser
                .text(&cell("quiet", "First response p50"))
                .contains("no data")
        );
        assert!(browser.text(&cell("quiet", "SLA met")).contains("no data"));
        assert_eq!(browser.text(&cell("quiet", "Backlog")), "0");
    }
    // The tiles add the teams up.
    let created: u64 = kpis["teams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|team| {
            team["windows"]["24h"]["events"]["created"]
                .as_u64()
                .unwrap()
        })
        .sum();
    let tile = browser.text("document.querySelector('li[data-key=Created]').innerText");
    assert!(
        tile.contains(&format!("\n{created}\n")) || tile.contains(&format!(" {created} ")),
        "{tile}"
    );
    assert!(tile.contains("before: not known yet"), "{tile}");
    // A team's name is text.
    assert_eq!(browser.evaluate("document.images.length"), json!(0));
    assert_eq!(browser.text("document.title"), "ticket-exporter");
    let of_one = site.json("/api/v1/kpis?team=billing");
    assert_eq!(of_one["teams"].as_array().unwrap().len(), 1);
}

/// The window before is what `replay` counts up to its end.
#[test]
fn the_window_before_is_that_of_an_earlier_clock() {
    let site = Site::start();
    let kpis = site.json("/api/v1/kpis");
    let clock = Timestamp::parse(kpis["clock"].as_str().unwrap()).unwrap();
    let end = Timestamp(clock.0.div_euclid(MINUTE) * MINUTE - HOUR);
    let records = site.kafka.consume(&site.topic);
    let series = replay(&site.config, &lines(&records), end);
    let mut created = 0.0;
    for team in kpis["teams"].as_array().unwrap() {
        let name = team["team"].as_str().unwrap();
        let before = &team["windows"]["1h"]["before"];
        for (event, count) in before["events"].as_object().unwrap() {
            let query = series.metric("ticket_window_events").label("team", name);
            let expected = query.label("event", event).label("window", "1h").value();
            assert_eq!(count.as_f64(), Some(expected), "{name} {event}");
            if event == "created" {
                created += expected;
            }
        }
        let mean = &before["durations"]["first_response"]["calendar"];
        let query = series
            .metric("ticket_window_seconds_mean")
            .label("team", name);
        let query = query
            .label("kpi", "first_response")
            .label("clock", "calendar");
        let expected = query.label("window", "1h");
        if mean.is_null() {
            expected.is_absent();
        } else {
            assert_eq!(
                mean["mean_seconds"].as_f64(),
                Some(expected.value()),
                "{name}"
            );
        }
        let day = &team["windows"]["24h"]["before"];
        assert!(day.is_null(), "a day before the first event: {day}");
    }
    assert!(created > 0.0);
}

#[test]
fn tickets_come_soonest_first_and_are_those_of_the_question() {
    let site = Site::start();
    let ids = |list: &Value| -> Vec<String> {
        let goals = list["goals"].as_array().unwrap().iter();
        goals
            .map(|goal| goal["ticket_id"].as_str().unwrap().to_owned())
            .collect()
    };
    // Every fourth ticket has no reply, and is urgent: the older it is, the sooner it is due.
    let list = site.json("/api/v1/tickets?at_risk=90m&target=first_response");
    let expected: Vec<String> = (0..24)
        .rev()
        .step_by(1)
        .filter(|number| number % 4 == 0)
        .filter(|number| (MINUTE..HOUR + 30 * MINUTE).contains(&urgent_deadline(*number)))
        .map(|number| format!("T-{number}"))
        .collect();
    assert!(expected.len() >= 2);
    assert_eq!(ids(&list), expected);
    assert_eq!(list["matching"].as_u64(), Some(expected.len() as u64));
    let first = &list["goals"][0];
    assert_eq!(
        (&first["policy"], &first["priority"]),
        (&json!("urgent"), &json!("p1"))
    );
    let number: i64 = expected[0][2..].parse().unwrap();
    let due = site.now.plus(urgent_deadline(number));
    assert_eq!(first["deadline"], json!(due.rfc3339()));

    let overdue = site.json("/api/v1/tickets?overdue=true&target=first_response&limit=2");
    assert_eq!(ids(&overdue), ["T-20", "T-16"]);
    assert_eq!(overdue["matching"], 3);
    assert_eq!(
        overdue["goals"][0]["deadline"],
        json!(site.now.plus(urgent_deadline(20)).rfc3339())
    );
    let of_a_team = site.json("/api/v1/tickets?overdue=true&team=network&priority=p1");
    for goal in of_a_team["goals"].as_array().unwrap() {
        assert_eq!(goal["team"], "network");
    }
    assert_eq!(site.json("/api/v1/tickets?team=unknown")["matching"], 0);
    let answer = site.exporter.get("/api/v1/tickets?at_risk=tomorrow");
    assert_eq!(answer.status, 400);

    let mut browser = Chromium::start();
    site.open(&mut browser, "/tickets?at_risk=90m&target=first_response");
    let shown =
        browser.evaluate("[...document.querySelectorAll('tbody th')].map(id => id.innerText)");
    assert_eq!(shown, json!(expected));
    site.open(&mut browser, "/tickets?overdue=true");
    assert!(
        browser
            .text("document.querySelector('tbody').innerText")
            .contains("overdue")
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
    // The form keeps the query.
    assert_eq!(
        browser.text("document.forms[0].elements.overdue.value"),
        "true"
    );
    browser.evaluate(
        "document.forms[0].elements.team.value = 'network'; document.forms[0].requestSubmit()",
    );
    browser.wait_until("location.search.includes('team=network')", super::REFRESHED);
    // Ids are nowhere else.
    for path in ["/", "/metrics", "/api/v1/kpis"] {
        assert!(!site.exporter.get(path).text().contains("T-20"), "{path}");
    }
}
