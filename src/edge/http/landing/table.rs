//! The table of the teams, in the order of the reader's choice.

use std::cmp::Ordering;
use std::fmt::{self, Write};

use super::choice::{Choice, TableOrder};
use super::columns::{TEAM, TeamNumber, TeamRow, find_column, groups};
use crate::edge::http::html::{Escaped, NO_DATA};
use crate::edge::http::parameters::pair;
use crate::engine::{Report, WindowReport};

pub(super) fn write(
    html: &mut String,
    report: &Report,
    choice: &Choice<'_>,
    with_tickets: bool,
) -> fmt::Result {
    write_order_form(html, choice)?;
    html.push_str(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"teams\">\n\
         <table role=\"table\" aria-labelledby=\"teams\" aria-describedby=\"asof\">\n",
    );
    write_head(html, choice)?;
    html.push_str("<tbody role=\"rowgroup\">\n");
    let none = WindowReport::default();
    let teams = report.teams.iter();
    let mut rows: Vec<TeamRow<'_>> = teams
        .map(|team| TeamRow {
            team,
            window: choice
                .window
                .and_then(|window| team.windows.get(window))
                .unwrap_or(&none),
            clock: choice.clock.name(),
        })
        .collect();
    sort(&mut rows, choice.order);
    for row in &rows {
        write_row(html, row, choice.window.is_some(), with_tickets)?;
    }
    html.push_str("</tbody>\n</table>\n</div>\n");
    Ok(())
}

/// Sorts rows that are in the order of their names. Teams without data come last either way.
fn sort(rows: &mut [TeamRow<'_>], order: TableOrder) {
    let Some(column) = find_column(order.column) else {
        if order.is_descending {
            rows.reverse();
        }
        return;
    };
    let value = |row: &TeamRow<'_>| (column.number)(row).map(|number| number.value);
    rows.sort_by(|one, other| match (value(one), value(other)) {
        (Some(one), Some(other)) if order.is_descending => other.total_cmp(&one),
        (Some(one), Some(other)) => one.total_cmp(&other),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    });
}

/// A narrow page hides the head of the table and its links, and shows this form.
fn write_order_form(html: &mut String, choice: &Choice<'_>) -> fmt::Result {
    write!(
        html,
        "<form class=\"order\" method=\"get\" action=\"./\">\n\
         <input type=\"hidden\" name=\"window\" value=\"{}\">\
         <input type=\"hidden\" name=\"clock\" value=\"{}\">\n\
         <label>Sort by <select name=\"sort\">",
        Escaped(choice.window.unwrap_or_default()),
        choice.clock.name()
    )?;
    let columns = groups(choice.window.is_some()).flat_map(|(_, columns)| columns);
    let names = columns.map(|column| (column.key, column.name));
    for (key, name) in std::iter::once((TEAM, "Team")).chain(names) {
        write_option(html, key, name, key == choice.order.column)?;
    }
    html.push_str("</select></label>\n<label>Order <select name=\"order\">");
    for (key, name) in [
        ("descending", "Largest first"),
        ("ascending", "Smallest first"),
    ] {
        write_option(html, key, name, key == choice.order.direction())?;
    }
    html.push_str("</select></label>\n<button>Sort</button>\n</form>\n");
    Ok(())
}

fn write_option(html: &mut String, key: &str, name: &str, is_chosen: bool) -> fmt::Result {
    let chosen = if is_chosen { " selected" } else { "" };
    write!(html, "<option value=\"{key}\"{chosen}>{name}</option>")
}

fn write_head(html: &mut String, choice: &Choice<'_>) -> fmt::Result {
    html.push_str("<thead role=\"rowgroup\">\n<tr role=\"row\">");
    write_column_head(html, choice, (TEAM, "Team"), " rowspan=\"2\"")?;
    let with_window = choice.window.is_some();
    for (name, columns) in groups(with_window) {
        write!(
            html,
            "<th role=\"columnheader\" scope=\"colgroup\" colspan=\"{}\" class=\"first\">{name}</th>",
            columns.len()
        )?;
    }
    html.push_str("</tr>\n<tr role=\"row\">");
    for (_, columns) in groups(with_window) {
        for (position, column) in columns.iter().enumerate() {
            let class = first(position);
            write_column_head(html, choice, (column.key, column.name), class)?;
        }
    }
    html.push_str("</tr>\n</thead>\n");
    Ok(())
}

/// The first column of a group has a line on its left.
const fn first(position: usize) -> &'static str {
    if position == 0 {
        " class=\"first\""
    } else {
        ""
    }
}

/// A head that is a link: it sorts by the column, or turns the order around.
fn write_column_head(
    html: &mut String,
    choice: &Choice<'_>,
    (key, name): (&'static str, &str),
    attributes: &str,
) -> fmt::Result {
    let is_current = choice.order.column == key;
    let order = TableOrder {
        column: key,
        is_descending: if is_current {
            !choice.order.is_descending
        } else {
            key != TEAM
        },
    };
    let address = Choice { order, ..*choice }.address();
    write!(html, "<th role=\"columnheader\" scope=\"col\"{attributes}")?;
    let arrow = match (is_current, choice.order.is_descending) {
        (false, _) => "",
        (true, true) => "<span aria-hidden=\"true\"> ▼</span>",
        (true, false) => "<span aria-hidden=\"true\"> ▲</span>",
    };
    if is_current {
        write!(html, " aria-sort=\"{}\"", choice.order.direction())?;
    }
    write!(
        html,
        "><a href=\"{}\">{name}{arrow}</a></th>",
        Escaped(&address)
    )
}

fn write_row(
    html: &mut String,
    row: &TeamRow<'_>,
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
    for (_, columns) in groups(with_window) {
        for (position, column) in columns.iter().enumerate() {
            let (class, name) = (first(position), column.name);
            write!(
                html,
                "<td role=\"cell\"{class} data-label=\"{name}\"><span>"
            )?;
            match (column.number)(row) {
                Some(TeamNumber { text, sample, .. }) => {
                    write!(html, "{}", Escaped(&text))?;
                    if let Some(sample) = sample {
                        write!(html, " <small class=\"dim\">n\u{a0}{sample}</small>")?;
                    }
                }
                None => html.push_str(NO_DATA),
            }
            html.push_str("</span></td>");
        }
    }
    html.push_str("</tr>\n");
    Ok(())
}
