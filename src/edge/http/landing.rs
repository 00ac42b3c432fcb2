//! The landing page: how the exporter is, where to go, and how the teams do, in one window and on
//! one clock of the reader's choice. Speed and quality stand in one row: one without the other
//! is easily had.

use std::fmt::{self, Write};

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::Site;
use super::html::{Escaped, NO_DATA, Page};
use super::parameters::{Parameters, pair};
use super::scrape::compute;
use crate::domain::duration;
use crate::domain::policy::Clock;
use crate::engine::{DurationReport, Report, TeamReport, WindowReport};

/// A day: long enough to hold something, short enough for today to matter.
const PREFERRED_WINDOW: &str = "24h";

/// What the reader chose.
struct Choice<'a> {
    /// `None`: no windows are configured.
    window: Option<&'a str>,
    clock: Clock,
}

/// One team in the chosen window.
struct Row<'a> {
    team: &'a TeamReport,
    window: &'a WindowReport,
    clock: &'static str,
}

/// `None`: no data.
type Cell = Option<String>;

struct Column {
    name: &'static str,
    cell: fn(&Row<'_>) -> Cell,
}

const fn column(name: &'static str, cell: fn(&Row<'_>) -> Cell) -> Column {
    Column { name, cell }
}

/// Columns of the present.
const NOW: [Column; 5] = [
    column("Backlog", |row| Some(row.team.backlog.to_string())),
    column("At risk 15m", |row| at_risk(row, "15m")),
    column("At risk 1h", |row| at_risk(row, "1h")),
    column("At risk 4h", |row| at_risk(row, "4h")),
    column("Overdue", |row| Some(row.team.tickets_overdue.to_string())),
];

/// Columns of the window, by what they tell of.
const WINDOW: [(&str, &[Column]); 3] = [
    (
        "Work",
        &[
            column("Created", |row| count(row, "created")),
            column("Solved", |row| count(row, "solved")),
        ],
    ),
    (
        "Speed",
        &[
            column("First response p50", |row| {
                length(row, "first_response", |of| of.p50_seconds)
            }),
            column("First response p90", |row| {
                length(row, "first_response", |of| of.p90_seconds)
            }),
            column("Resolution p50", |row| {
                length(row, "full_resolution", |of| of.p50_seconds)
            }),
            column("Resolution p90", |row| {
                length(row, "full_resolution", |of| of.p90_seconds)
            }),
            column("Handle time", handle_time),
        ],
    ),
    (
        "Quality",
        &[
            column("SLA met", |row| percent(row.window.sla_met_share)),
            column("First contact", |row| {
                percent(row.window.first_contact_share)
            }),
            column("Reopened", reopened),
            column("Satisfied", |row| percent(row.window.csat_good_share)),
        ],
    ),
];

/// What the words of the table mean.
const HELP: [(&str, &str); 9] = [
    ("Backlog", "Tickets that are not solved."),
    (
        "At risk, overdue",
        "Tickets whose next SLA deadline is at most so far ahead, and tickets with a promise that is broken and still open. A ticket with two promises counts once.",
    ),
    (
        "Created, solved",
        "How often it happened in the window: exact counts.",
    ),
    (
        "First response",
        "From the creation to the first public reply of a person. p50: half were faster; p90: nine of ten were.",
    ),
    (
        "Resolution",
        "From the creation to the last time solved, less solved time in between; of tickets that became final in the window: closed, or solved for long enough not to come back.",
    ),
    (
        "Handle time",
        "The time agents reported for a ticket, on average; where it is derived, the time it was open and assigned.",
    ),
    (
        "SLA met, first contact",
        "Of the promises decided in the window, those kept; of the tickets that became final, those solved with one reply, for good.",
    ),
    (
        "Reopened, satisfied",
        "Reopenings in the window, and how many there were for each solve; good ratings among the good and the bad ones.",
    ),
    (
        "Calendar and business time",
        "Elapsed time, or only the opening hours of the team. Windows slide with the time of the events.",
    ),
];

pub(super) async fn page(State(site): State<Site>, RawQuery(query): RawQuery) -> Response {
    let parameters = Parameters::parse(query.as_deref());
    let main = compute(&site, move |site| main(site, &parameters)).await;
    match main {
        Ok((main, rows)) => Page {
            status: StatusCode::OK,
            title: "ticket-exporter",
            main,
            rows,
        }
        .respond(&site),
        Err(response) => response.into_response(),
    }
}

/// The text, and how many teams it has.
fn main(site: &Site, parameters: &Parameters) -> (String, usize) {
    let mut html = String::new();
    let Some(kpis) = site.published.view().kpis else {
        html.push_str("<p>KPIs are withheld until they are complete.</p>\n");
        return (html, 0);
    };
    let report = kpis.report();
    // Writing into a string cannot fail.
    let _ = write_teams(&mut html, &report, parameters, site.shows_tickets());
    (html, report.teams.len())
}

/// What is not there falls back to the usual: a bookmark outlives a configuration.
fn choose<'a>(report: &'a Report, parameters: &Parameters) -> Choice<'a> {
    let windows = || report.windows.iter().map(String::as_str);
    let wanted = parameters.last("window");
    let window = windows()
        .find(|window| Some(*window) == wanted)
        .or_else(|| windows().find(|window| *window == PREFERRED_WINDOW))
        .or_else(|| windows().next());
    let clock = Clock::ALL
        .into_iter()
        .find(|clock| Some(clock.name()) == parameters.last("clock"));
    Choice {
        window,
        clock: clock.unwrap_or(Clock::Calendar),
    }
}

fn write_teams(
    html: &mut String,
    report: &Report,
    parameters: &Parameters,
    with_tickets: bool,
) -> fmt::Result {
    let choice = choose(report, parameters);
    html.push_str("<h2 id=\"teams\">Teams</h2>\n");
    write_choices(html, report, &choice)?;
    let Some(clock) = report.clock else {
        html.push_str("<p>No event was read yet.</p>\n");
        return Ok(());
    };
    html.push_str(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"teams\">\n\
         <table role=\"table\">\n",
    );
    write!(html, "<caption>As of {}", clock.rfc3339())?;
    if let Some(window) = choice.window {
        let clock = choice.clock.name();
        write!(
            html,
            "; window {}, durations in {clock} time",
            Escaped(window)
        )?;
    }
    html.push_str(".</caption>\n");
    write_head(html, choice.window)?;
    html.push_str("<tbody role=\"rowgroup\">\n");
    let none = WindowReport::default();
    for team in &report.teams {
        let window = choice.window.and_then(|window| team.windows.get(window));
        let row = Row {
            team,
            window: window.unwrap_or(&none),
            clock: choice.clock.name(),
        };
        write_row(html, &row, choice.window.is_some(), with_tickets)?;
    }
    html.push_str("</tbody>\n</table>\n</div>\n");
    html.push_str("<details>\n<summary>What these numbers mean</summary>\n<dl>\n");
    for (term, meaning) in HELP {
        writeln!(html, "<dt>{term}</dt><dd>{meaning}</dd>")?;
    }
    html.push_str("</dl>\n</details>\n");
    Ok(())
}

/// Links rather than controls: they work without scripts, and the choice has an address.
fn write_choices(html: &mut String, report: &Report, choice: &Choice<'_>) -> fmt::Result {
    let window = choice.window.unwrap_or_default();
    html.push_str("<div class=\"choices\">\n");
    if !report.windows.is_empty() {
        let windows = report.windows.iter().map(String::as_str);
        let links = windows.map(|one| (one, one, choice.clock.name(), one == window));
        write_choice(html, "Window", links)?;
    }
    let clocks =
        Clock::ALL.map(|clock| (clock.name(), window, clock.name(), clock == choice.clock));
    write_choice(html, "Durations in", clocks)?;
    html.push_str("</div>\n");
    Ok(())
}

/// Links by their text, window and clock, and whether it is what is shown.
fn write_choice<'a>(
    html: &mut String,
    name: &str,
    links: impl IntoIterator<Item = (&'a str, &'a str, &'a str, bool)>,
) -> fmt::Result {
    write!(
        html,
        "<nav class=\"choice\" aria-label=\"{name}\"><span aria-hidden=\"true\">{name}</span>\n<ul>\n"
    )?;
    for (text, window, clock, current) in links {
        let current = if current {
            " aria-current=\"true\""
        } else {
            ""
        };
        let address = format!("./?{}&{}", pair("window", window), pair("clock", clock));
        writeln!(
            html,
            "<li><a href=\"{}\"{current}>{}</a></li>",
            Escaped(&address),
            Escaped(text)
        )?;
    }
    html.push_str("</ul>\n</nav>\n");
    Ok(())
}

fn write_head(html: &mut String, window: Option<&str>) -> fmt::Result {
    html.push_str(
        "<thead role=\"rowgroup\">\n<tr role=\"row\"><th role=\"columnheader\" scope=\"col\" rowspan=\"2\">Team</th>",
    );
    let groups = WINDOW.iter().filter(|_| window.is_some());
    let groups: Vec<(&str, &[Column])> = std::iter::once(("Now", &NOW[..]))
        .chain(groups.map(|(name, columns)| (*name, *columns)))
        .collect();
    for (name, columns) in &groups {
        write!(
            html,
            "<th role=\"columnheader\" scope=\"colgroup\" colspan=\"{}\" class=\"first\">{name}</th>",
            columns.len()
        )?;
    }
    html.push_str("</tr>\n<tr role=\"row\">");
    for (_, columns) in &groups {
        for (position, column) in columns.iter().enumerate() {
            let class = if position == 0 {
                " class=\"first\""
            } else {
                ""
            };
            write!(
                html,
                "<th role=\"columnheader\" scope=\"col\"{class}>{}</th>",
                column.name
            )?;
        }
    }
    html.push_str("</tr>\n</thead>\n");
    Ok(())
}

fn write_row(
    html: &mut String,
    row: &Row<'_>,
    with_window: bool,
    with_tickets: bool,
) -> fmt::Result {
    let team = Escaped(&row.team.team);
    write!(
        html,
        "<tr role=\"row\" data-key=\"{team}\"><th role=\"rowheader\" scope=\"row\">"
    )?;
    if with_tickets {
        let address = format!("./tickets?{}", pair("team", &row.team.team));
        write!(html, "<a href=\"{}\">{team}</a></th>", Escaped(&address))?;
    } else {
        write!(html, "{team}</th>")?;
    }
    let groups = WINDOW.iter().filter(|_| with_window);
    for columns in std::iter::once(&NOW[..]).chain(groups.map(|(_, columns)| *columns)) {
        for (position, column) in columns.iter().enumerate() {
            let class = if position == 0 {
                " class=\"first\""
            } else {
                ""
            };
            let name = column.name;
            write!(html, "<td role=\"cell\"{class} data-label=\"{name}\">")?;
            match (column.cell)(row) {
                Some(text) => write!(html, "<span>{}</span>", Escaped(&text))?,
                None => write!(html, "<span>{NO_DATA}</span>")?,
            }
            html.push_str("</td>");
        }
    }
    html.push_str("</tr>\n");
    Ok(())
}

fn at_risk(row: &Row<'_>, within: &str) -> Cell {
    let count = row.team.tickets_at_risk.get(within)?;
    Some(count.to_string())
}

fn count(row: &Row<'_>, event: &str) -> Cell {
    Some(row.window.count(event).to_string())
}

fn length(row: &Row<'_>, kpi: &str, read: fn(&DurationReport) -> f64) -> Cell {
    let duration = row.window.duration(kpi, row.clock)?;
    Some(brief(read(&duration)))
}

/// How many, and how many for each solve.
fn reopened(row: &Row<'_>) -> Cell {
    let share = percent(row.window.reopened_per_solved)?;
    Some(format!("{} · {share}", row.window.count("reopened")))
}

/// Handle time has sources and no clocks: reported where anything was, else derived.
fn handle_time(row: &Row<'_>) -> Cell {
    let of = |source| row.window.duration("handle", source);
    let duration = of("reported").or_else(|| of("derived"))?;
    Some(brief(duration.mean_seconds))
}

#[allow(clippy::cast_possible_truncation, reason = "for people; years fit")]
fn brief(seconds: f64) -> String {
    duration::brief((seconds * 1_000.0) as i64)
}

fn percent(share: Option<f64>) -> Cell {
    share.map(|share| format!("{:.1} %", share * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::Timestamp;
    use crate::engine::NamedValues;

    fn report() -> Report {
        let team = TeamReport {
            team: "<b>&\"'".to_owned(),
            backlog: 3,
            windows: NamedValues(vec![("1h".to_owned(), WindowReport::default())]),
            ..TeamReport::default()
        };
        Report {
            clock: Some(Timestamp(0)),
            windows: vec!["1h".to_owned(), "2h".to_owned()],
            teams: vec![team],
            ..Report::default()
        }
    }

    fn page(query: &str, with_tickets: bool) -> String {
        let mut html = String::new();
        let parameters = Parameters::parse(Some(query));
        write_teams(&mut html, &report(), &parameters, with_tickets).unwrap();
        html
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
    fn no_data_is_said_and_is_no_zero() {
        let html = page("", false);
        let cell = |name: &str| {
            let (_, rest) = html.split_once(&format!("data-label=\"{name}\">")).unwrap();
            rest.split_once("</td>").unwrap().0.to_owned()
        };
        assert_eq!(cell("Backlog"), "<span>3</span>");
        assert!(cell("First response p50").contains("no data"));
        assert!(cell("SLA met").contains("no data"));
        assert_eq!(cell("Created"), "<span>0</span>");
    }

    #[test]
    fn an_unknown_choice_is_the_usual_one() {
        let current = |query: &str| -> Vec<String> {
            let html = page(query, false);
            let marked = html.split("aria-current=\"true\">").skip(1);
            marked
                .map(|rest| rest.split('<').next().unwrap().to_owned())
                .collect()
        };
        assert_eq!(current("window=2h&clock=business"), ["2h", "business"]);
        assert_eq!(current("window=<x>&clock=&other=1"), ["1h", "calendar"]);
    }
}
