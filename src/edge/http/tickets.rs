//! The page of tickets by deadline. It shows ticket ids, which can be personal data, so it is off by
//! default.

use std::fmt::{self, Write};
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::context::WebContext;
use super::html::{Escaped, HtmlPage, NO_DATA};
use super::parameters::{ATTRIBUTE, Parameters, goal_query};
use crate::domain::duration;
use crate::domain::policy::Target;
use crate::domain::timestamp::Timestamp;
use crate::engine::{GoalItem, GoalList, GoalQuery};

/// The longest wait for an answer, which comes with the next checkpoint: usually within a second.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The choices of `at_risk` in the form; the address accepts others.
const WITHIN: [&str; 5] = ["15m", "1h", "4h", "1d", "7d"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTicketList {
    #[error("ticket ids are not shown; set web.tickets: true to allow it")]
    NotAllowed,
    #[error("tickets are withheld until they are complete")]
    Withheld,
    #[error("too many questions wait for an answer; try again later")]
    Busy,
    #[error("no answer in time: answers come with a checkpoint, and there was none")]
    Late,
}

impl NoTicketList {
    fn status(self) -> StatusCode {
        match self {
            Self::NotAllowed => StatusCode::NOT_FOUND,
            Self::Withheld | Self::Busy | Self::Late => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// The goals that match a query, as of the state that the metrics show next.
///
/// # Errors
/// [`NoTicketList`].
pub async fn ask(context: &WebContext, query: GoalQuery) -> Result<GoalList, NoTicketList> {
    if !context.shows_tickets() {
        return Err(NoTicketList::NotAllowed);
    }
    if context.published.view().kpis.is_none() {
        return Err(NoTicketList::Withheld);
    }
    let answer = context.published.questions().ask(query);
    let answer = answer.ok_or(NoTicketList::Busy)?;
    match tokio::time::timeout(LONGEST_WAIT, answer).await {
        Ok(Ok(list)) => Ok(list),
        Ok(Err(_)) => Err(NoTicketList::Withheld),
        Err(_) => Err(NoTicketList::Late),
    }
}

pub(super) async fn page(State(context): State<WebContext>, RawQuery(query): RawQuery) -> Response {
    let parameters = Parameters::parse(query.as_deref());
    let query = match goal_query(&parameters) {
        Ok(query) => query,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    let answer = ask(&context, query).await;
    if answer == Err(NoTicketList::NotAllowed) {
        let text = format!("{}\n", NoTicketList::NotAllowed);
        return (StatusCode::NOT_FOUND, text).into_response();
    }
    let mut main = String::from("<h2 id=\"tickets\">Tickets by deadline</h2>\n");
    // Writing into a string cannot fail.
    let _ = write_form(&mut main, &parameters);
    let (status, rows) = match answer {
        Ok(list) => {
            let _ = write_list(&mut main, &list);
            (StatusCode::OK, list.goals.len())
        }
        Err(no_answer) => {
            let _ = writeln!(main, "<p class=\"bad\">{no_answer}</p>");
            (no_answer.status(), 0)
        }
    };
    let title = "Tickets by deadline · ticket-exporter";
    let page = HtmlPage {
        status,
        title,
        main,
        rows,
    };
    page.respond(&context)
}

/// The form with the current query.
fn write_form(html: &mut String, parameters: &Parameters) -> fmt::Result {
    let chosen = |name: &str, value: &str| parameters.last(name) == Some(value);
    html.push_str("<form method=\"get\" action=\"./tickets\">\n");
    html.push_str("<label>Deadline within <select name=\"at_risk\">");
    write_option(html, "", "any", false)?;
    let own = parameters
        .last("at_risk")
        .filter(|own| !WITHIN.contains(own));
    for within in WITHIN.into_iter().chain(own) {
        write_option(html, within, within, chosen("at_risk", within))?;
    }
    html.push_str("</select></label>\n<label>Overdue <select name=\"overdue\">");
    let without = if parameters.last("at_risk").is_some() {
        "without"
    } else {
        "any"
    };
    write_option(html, "", without, false)?;
    write_option(html, "true", "with", chosen("overdue", "true"))?;
    html.push_str("</select></label>\n<label>Target <select name=\"target\">");
    write_option(html, "", "any", false)?;
    for target in Target::ALL.map(Target::name) {
        write_option(html, target, target, chosen("target", target))?;
    }
    html.push_str("</select></label>\n");
    for (name, label) in [
        ("team", "Team"),
        ("priority", "Priority"),
        ("group", "Group"),
    ] {
        let value = parameters.last(name).unwrap_or_default();
        write_input(html, name, label, value)?;
    }
    // The page does not know the attributes of the configuration, but those of the address.
    for (name, values) in parameters.attributes() {
        for value in values {
            write_input(html, &format!("{ATTRIBUTE}{name}"), &name, &value)?;
        }
    }
    html.push_str("<button>Show</button>\n</form>\n");
    Ok(())
}

fn write_input(html: &mut String, name: &str, label: &str, value: &str) -> fmt::Result {
    writeln!(
        html,
        "<label>{} <input name=\"{}\" value=\"{}\" autocomplete=\"off\"></label>",
        Escaped(label),
        Escaped(name),
        Escaped(value)
    )
}

fn write_option(html: &mut String, value: &str, text: &str, chosen: bool) -> fmt::Result {
    let chosen = if chosen { " selected" } else { "" };
    let (value, text) = (Escaped(value), Escaped(text));
    write!(html, "<option value=\"{value}\"{chosen}>{text}</option>")
}

fn write_list(html: &mut String, list: &GoalList) -> fmt::Result {
    let Some(clock) = list.clock else {
        html.push_str("<p>No event yet.</p>\n");
        return Ok(());
    };
    if list.goals.is_empty() {
        return writeln!(html, "<p>No ticket matches, as of {}.</p>", clock.rfc3339());
    }
    write!(
        html,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"tickets\">\n\
         <table role=\"table\" class=\"text\">\n<caption>{} of {}, the earliest deadline first; as of {}. \
         A ticket with two targets has two rows.</caption>\n\
         <thead role=\"rowgroup\">\n<tr role=\"row\">",
        list.goals.len(),
        list.matching,
        clock.rfc3339()
    )?;
    let columns = GoalColumns::of(list);
    let names = columns.cells(&list.goals[0]);
    for name in ["Ticket", "Deadline", "Left"]
        .into_iter()
        .chain(names.into_iter().map(|(name, _)| name))
    {
        let name = Escaped(name);
        write!(html, "<th role=\"columnheader\" scope=\"col\">{name}</th>")?;
    }
    html.push_str("</tr>\n</thead>\n<tbody role=\"rowgroup\">\n");
    for goal in &list.goals {
        write_goal(html, goal, &columns, clock)?;
    }
    html.push_str("</tbody>\n</table>\n</div>\n");
    Ok(())
}

/// The columns that depend on the list.
struct GoalColumns {
    /// Whether goals of several groups are listed.
    has_groups: bool,
}

impl GoalColumns {
    fn of(list: &GoalList) -> Self {
        let mut goals = list.goals.iter();
        let first = goals.next().map(|goal| &goal.group);
        Self {
            has_groups: goals.any(|goal| Some(&goal.group) != first),
        }
    }

    /// The cells after ticket and deadline, with the names of their columns.
    fn cells<'a>(&self, goal: &'a GoalItem) -> Vec<(&'a str, &'a str)> {
        let mut cells = vec![("Target", goal.target), ("Policy", &*goal.policy)];
        cells.extend(self.has_groups.then_some(("Group", &*goal.group)));
        cells.extend([("Team", &*goal.team), ("Priority", &*goal.priority)]);
        let attributes = goal.attributes.iter();
        cells.extend(attributes.map(|(name, value)| (name.as_str(), value.as_str())));
        cells.push(("Status", goal.status));
        cells
    }
}

fn write_goal(
    html: &mut String,
    goal: &GoalItem,
    columns: &GoalColumns,
    clock: Timestamp,
) -> fmt::Result {
    let id = Escaped(&goal.ticket_id);
    write!(
        html,
        "<tr role=\"row\" data-key=\"{id} {} {}\"><th role=\"rowheader\" scope=\"row\">{id}</th>",
        Escaped(&goal.group),
        goal.target
    )?;
    let deadline = goal.deadline.map(Timestamp::rfc3339);
    let left = match (goal.state, goal.deadline) {
        ("overdue", Some(deadline)) => Some(format!(
            "overdue {}",
            duration::brief(clock.since(deadline))
        )),
        ("overdue", None) => Some("overdue".to_owned()),
        (_, deadline) => deadline.map(|deadline| duration::brief(deadline.since(clock))),
    };
    let first = [("Deadline", deadline.as_deref()), ("Left", left.as_deref())];
    let cells = columns.cells(goal).into_iter();
    for (name, text) in first
        .into_iter()
        .chain(cells.map(|(name, text)| (name, Some(text))))
    {
        let class = if name == "Left" && goal.state == "overdue" {
            " class=\"bad\""
        } else {
            ""
        };
        write!(
            html,
            "<td role=\"cell\" data-label=\"{}\"><span{class}>",
            Escaped(name)
        )?;
        match text {
            Some(text) => write!(html, "{}", Escaped(text))?,
            None => html.push_str(NO_DATA),
        }
        html.push_str("</span></td>");
    }
    html.push_str("</tr>\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_labels_stay_text() {
        let goal = GoalItem {
            ticket_id: "<i>7".to_owned(),
            target: "resolution",
            policy: "<p>".to_owned(),
            group: "ola".to_owned(),
            team: "\"><script>".to_owned(),
            priority: "&".to_owned(),
            attributes: [("tier".to_owned(), "<u>".to_owned())].into(),
            status: "open",
            state: "overdue",
            deadline: Some(Timestamp(1_000)),
            deadline_timestamp_seconds: Some(1.0),
        };
        let list = GoalList {
            clock: Some(Timestamp(3_601_000)),
            clock_timestamp_seconds: Some(3_601.0),
            matching: 12,
            goals: vec![goal],
        };
        let mut html = String::new();
        write_list(&mut html, &list).unwrap();
        assert!(!html.contains("<script") && !html.contains("<i>") && !html.contains("<p>"));
        assert!(
            html.contains("data-label=\"tier\"><span>&lt;u&gt;"),
            "{html}"
        );
        assert!(!html.contains("Group"), "all goals are of one group");
        assert!(
            html.contains("1 of 12") && html.contains("overdue 1h"),
            "{html}"
        );
        let mut form = String::new();
        let parameters = Parameters::parse(Some(
            "team=%22%3E%3Cscript%3E&at_risk=2h&attribute.%3Cscript=%3Cscript",
        ));
        write_form(&mut form, &parameters).unwrap();
        assert!(!form.contains("<script"), "{form}");
        assert!(form.contains("<option value=\"2h\" selected>2h</option>"));
    }
}
