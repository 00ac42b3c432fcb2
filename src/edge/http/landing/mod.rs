//! The landing page: whether the exporter is ready, how all teams did in a window of the reader's
//! choice, compared with the window before, and a table of the teams. Speed and quality stand side
//! by side, because either one is easy to improve at the cost of the other.

mod choice;
mod columns;
mod format;
mod table;
mod tiles;

use std::fmt::{self, Write};

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::context::WebContext;
use super::html::{Escaped, HtmlPage};
use super::parameters::Parameters;
use super::scrape::compute;
use crate::engine::Report;
use choice::Choice;

/// Explains the words on the page.
const HELP: [(&str, &str); 13] = [
    (
        "Backlog",
        "Tickets that are not solved. Its change is net: created and reopened less solved in the window. Withdrawn tickets, such as spam, are not part of the change.",
    ),
    (
        "At risk, overdue",
        "Tickets whose next SLA deadline is at most so far ahead, and tickets with a goal that breached and has not ended. A ticket with two goals counts once.",
    ),
    ("Created, solved", "Events in the window: exact counts."),
    (
        "Assignment",
        "From the creation until the ticket first has an assignee.",
    ),
    (
        "First response",
        "From the creation to the first public reply of an agent. p50: half were faster; p90: nine of ten were.",
    ),
    (
        "Resolution",
        "From the creation to the last solve, less solved time in between. It counts when the ticket becomes final: closed, or solved for so long that it cannot be reopened.",
    ),
    (
        "Requester's wait",
        "The part of the resolution in which the helpdesk or a third party was to act, and not the requester.",
    ),
    (
        "Handle time",
        "The mean of the time that agents reported for a ticket, or else of the time that it was open and assigned.",
    ),
    (
        "SLA met",
        "Of the SLA goals decided in the window, the share that did not breach. The goals of all groups of policies count.",
    ),
    (
        "First contact",
        "Of the tickets that became final, the share that one reply solved for good.",
    ),
    (
        "Reopened, satisfied",
        "Reopenings for each solve; good ratings among good and bad ones.",
    ),
    (
        "Change",
        "Against the window before, which is as long and ends where this one begins. Shares change in percentage points (pp). n: how many a number is based on.",
    ),
    (
        "Calendar and business time",
        "Elapsed time, or only the opening hours of the team. Windows slide with the time of the events.",
    ),
];

pub(super) async fn page(State(context): State<WebContext>, RawQuery(query): RawQuery) -> Response {
    let parameters = Parameters::parse(query.as_deref());
    let main = compute(&context, move |context| main(context, &parameters)).await;
    match main {
        Ok((main, rows)) => HtmlPage {
            status: StatusCode::OK,
            title: "ticket-exporter",
            main,
            rows,
        }
        .respond(&context),
        Err(response) => response.into_response(),
    }
}

/// The text, and how many teams it has.
fn main(context: &WebContext, parameters: &Parameters) -> (String, usize) {
    let mut html = String::new();
    let Some(kpis) = context.published.view().kpis else {
        html.push_str("<p>KPIs are withheld until they are complete.</p>\n");
        return (html, 0);
    };
    let report = kpis.report();
    let has_remarks = !context.published.readiness().remarks().is_empty();
    // Writing into a string cannot fail.
    let _ = write_main(
        &mut html,
        &report,
        parameters,
        has_remarks,
        context.shows_tickets(),
    );
    (html, report.teams.len())
}

fn write_main(
    html: &mut String,
    report: &Report,
    parameters: &Parameters,
    has_remarks: bool,
    with_tickets: bool,
) -> fmt::Result {
    let choice = Choice::of(report, parameters);
    choice.write(html, report)?;
    let Some(clock) = report.clock else {
        html.push_str(if has_remarks {
            "<p>No event yet: the exporter could use none of the records. The reason is above.</p>\n"
        } else {
            "<p>No event yet: the exporter has read no record.</p>\n"
        });
        return Ok(());
    };
    write!(
        html,
        "<p class=\"dim\" id=\"asof\">As of {}",
        clock.rfc3339()
    )?;
    if let Some(window) = choice.window {
        let clock = choice.clock.name();
        let window = Escaped(window);
        write!(html, "; window {window}, durations in {clock} time")?;
    }
    html.push_str(".</p>\n<h2 id=\"all\">All teams</h2>\n");
    tiles::write(html, report, &choice)?;
    html.push_str("<h2 id=\"teams\">Teams</h2>\n");
    table::write(html, report, &choice, with_tickets)?;
    html.push_str("<details>\n<summary>What these numbers mean</summary>\n<dl>\n");
    for (term, meaning) in HELP {
        writeln!(html, "<dt>{term}</dt><dd>{meaning}</dd>")?;
    }
    html.push_str("</dl>\n</details>\n");
    Ok(())
}

#[cfg(test)]
mod tests;
