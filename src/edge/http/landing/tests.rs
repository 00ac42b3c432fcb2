use super::*;
use crate::domain::timestamp::Timestamp;
use crate::engine::{NamedValues, TeamReport, WindowBeforeReport, WindowReport};

fn window(created: u64, sla_met_share: Option<f64>) -> WindowReport {
    WindowReport {
        events: NamedValues(vec![("created".to_owned(), created)]),
        sla_met_share,
        ..WindowReport::default()
    }
}

fn team(name: &str, backlog: u64, window: WindowReport) -> TeamReport {
    TeamReport {
        team: name.to_owned(),
        backlog,
        windows: NamedValues(vec![("1h".to_owned(), window)]),
        ..TeamReport::default()
    }
}

fn report(teams: Vec<TeamReport>) -> Report {
    Report {
        clock: Some(Timestamp(0)),
        windows: vec!["1h".to_owned(), "2h".to_owned()],
        teams,
        ..Report::default()
    }
}

fn page_of(report: &Report, query: &str, with_tickets: bool) -> String {
    let mut html = String::new();
    let parameters = Parameters::parse(Some(query));
    write_main(&mut html, report, &parameters, false, with_tickets).unwrap();
    html
}

fn page(query: &str, with_tickets: bool) -> String {
    let team = team("<b>&\"'", 3, WindowReport::default());
    page_of(&report(vec![team]), query, with_tickets)
}

/// The text between two marks.
fn between<'a>(html: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = html.split_once(begin).unwrap();
    rest.split_once(end).unwrap().0
}

#[test]
fn team_names_stay_text_wherever_they_stand() {
    let html = page("", true);
    assert!(!html.contains("<b>"), "{html}");
    assert!(html.contains("data-key=\"&lt;b&gt;&amp;&quot;&#39;\""));
    assert!(html.contains("/tickets?team=%3Cb%3E%26%22%27\""));
    assert!(!page("", false).contains("/tickets"));
}

#[test]
fn a_cell_without_data_says_so_and_is_not_zero() {
    let html = page("", false);
    let cell = |name: &str| between(&html, &format!("data-label=\"{name}\">"), "</td>").to_owned();
    assert_eq!(cell("Backlog"), "<span>3</span>");
    assert!(cell("First response p50").contains("no data"));
    assert!(cell("SLA met").contains("no data"));
    assert_eq!(cell("Created"), "<span>0</span>");
}

#[test]
fn an_unknown_choice_is_the_default() {
    let current = |query: &str| -> Vec<String> {
        let html = page(query, false);
        let marked = html.split("aria-current=\"true\">").skip(1);
        marked
            .map(|rest| rest.split('<').next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(current("window=2h&clock=business"), ["2h", "business"]);
    assert_eq!(
        current("window=<x>&clock=&sort=x&order=x"),
        ["1h", "calendar"]
    );
}

#[test]
fn the_table_sorts_by_any_column_and_teams_without_data_come_last() {
    let report = report(vec![
        team("a", 5, window(1, Some(0.5))),
        team("b", 9, window(3, None)),
        team("c", 7, window(2, Some(0.9))),
    ]);
    let order = |query: &str| -> String {
        let html = page_of(&report, query, false);
        let rows = html.split("<tr role=\"row\" data-key=\"").skip(1);
        rows.map(|row| row.split('"').next().unwrap()).collect()
    };
    assert_eq!(order(""), "abc");
    assert_eq!(order("order=descending"), "cba");
    assert_eq!(order("sort=backlog"), "bca");
    assert_eq!(order("sort=backlog&order=ascending"), "acb");
    assert_eq!(order("sort=sla-met&order=descending"), "cab");
    assert_eq!(order("sort=sla-met&order=ascending"), "acb");
    let html = page_of(&report, "sort=backlog", false);
    let head = between(&html, "aria-sort=\"descending\"", "</th>");
    assert!(head.contains("sort=backlog&amp;order=ascending"), "{head}");
    let window = between(
        &html,
        "<nav class=\"choice\" aria-label=\"Window\"",
        "</nav>",
    );
    assert!(
        window.contains("sort=backlog"),
        "the choice of a window keeps the order"
    );
}

#[test]
fn tiles_compare_all_teams_with_the_window_before() {
    let before = |created: u64| {
        Some(WindowBeforeReport {
            events: NamedValues(vec![("created".to_owned(), created)]),
            ..WindowBeforeReport::default()
        })
    };
    let with = |created, before| WindowReport {
        before,
        ..window(created, None)
    };
    let tile = |report: &Report| {
        let html = page_of(report, "", false);
        between(&html, "<li data-key=\"Created\">", "</li>").to_owned()
    };
    let known = tile(&report(vec![
        team("a", 0, with(10, before(20))),
        team("b", 0, with(50, before(30))),
    ]));
    assert!(known.contains("<strong>60</strong>"), "{known}");
    assert!(
        known.contains("▲ 20 %") && known.contains("before: 50"),
        "{known}"
    );
    assert!(!known.contains("good") && !known.contains("bad"), "{known}");
    let unknown = tile(&report(vec![team("a", 0, with(10, None))]));
    assert!(unknown.contains("before: not known yet"), "{unknown}");
}

#[test]
fn without_an_event_the_page_says_whether_records_were_unusable() {
    let mut html = String::new();
    let nothing = Report {
        clock: None,
        ..report(Vec::new())
    };
    let parameters = Parameters::default();
    write_main(&mut html, &nothing, &parameters, false, false).unwrap();
    assert!(html.contains("has read no record"), "{html}");
    html.clear();
    write_main(&mut html, &nothing, &parameters, true, false).unwrap();
    assert!(html.contains("could use none of the records"), "{html}");
}
