//! The window, the clock and the order of the table, as the address of the page says.

use std::fmt::{self, Write};

use super::columns::{TEAM, column_named};
use crate::domain::policy::Clock;
use crate::edge::http::html::Escaped;
use crate::edge::http::parameters::{Parameters, pair};
use crate::engine::Report;

/// A day holds enough tickets to compare, and is short enough for today to matter.
const PREFERRED_WINDOW: &str = "24h";

/// The order of the teams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TableOrder {
    /// The key of a column; [`TEAM`] for the names.
    pub(super) column: &'static str,
    pub(super) is_descending: bool,
}

impl TableOrder {
    pub(super) const fn direction(self) -> &'static str {
        if self.is_descending {
            "descending"
        } else {
            "ascending"
        }
    }
}

/// The choice of the reader.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<'a> {
    /// `None`: no windows are configured.
    pub(super) window: Option<&'a str>,
    pub(super) clock: Clock,
    pub(super) order: TableOrder,
}

impl<'a> Choice<'a> {
    /// An unknown value means the default: a bookmark outlives a configuration.
    pub(super) fn of(report: &'a Report, parameters: &Parameters) -> Self {
        let windows = || report.windows.iter().map(String::as_str);
        let wanted = parameters.last("window");
        let window = windows()
            .find(|window| Some(*window) == wanted)
            .or_else(|| windows().find(|window| *window == PREFERRED_WINDOW))
            .or_else(|| windows().next());
        let clock = Clock::ALL
            .into_iter()
            .find(|clock| Some(clock.name()) == parameters.last("clock"));
        let column = parameters.last("sort").and_then(column_named);
        let order = TableOrder {
            column: column.unwrap_or(TEAM),
            is_descending: match parameters.last("order") {
                Some("ascending") => false,
                Some("descending") => true,
                _ => column.is_some_and(|column| column != TEAM),
            },
        };
        Self {
            window,
            clock: clock.unwrap_or(Clock::Calendar),
            order,
        }
    }

    /// The address of the page with this choice.
    pub(super) fn address(&self) -> String {
        let mut address = format!(
            "./?{}&{}",
            pair("window", self.window.unwrap_or_default()),
            pair("clock", self.clock.name())
        );
        let TableOrder { column, .. } = self.order;
        if column != TEAM || self.order.is_descending {
            let direction = self.order.direction();
            // Writing into a string cannot fail.
            let _ = write!(address, "&sort={column}&order={direction}");
        }
        address
    }

    /// Links rather than controls: they work without scripts, and each choice has an address.
    pub(super) fn write(&self, html: &mut String, report: &Report) -> fmt::Result {
        html.push_str("<div class=\"choices\">\n");
        if !report.windows.is_empty() {
            let windows = report.windows.iter().map(|window| {
                let window = window.as_str();
                let choice = Choice {
                    window: Some(window),
                    ..*self
                };
                (window, choice)
            });
            self.write_links(html, "Window", windows)?;
        }
        let clocks = Clock::ALL.map(|clock| (clock.name(), Choice { clock, ..*self }));
        self.write_links(html, "Durations in", clocks)?;
        html.push_str("</div>\n");
        Ok(())
    }

    fn write_links<'b>(
        &self,
        html: &mut String,
        name: &str,
        links: impl IntoIterator<Item = (&'b str, Choice<'b>)>,
    ) -> fmt::Result {
        write!(
            html,
            "<nav class=\"choice\" aria-label=\"{name}\"><span aria-hidden=\"true\">{name}</span>\n<ul>\n"
        )?;
        for (text, choice) in links {
            let is_current = choice.window == self.window && choice.clock == self.clock;
            let current = if is_current {
                " aria-current=\"true\""
            } else {
                ""
            };
            writeln!(
                html,
                "<li><a href=\"{}\"{current}>{}</a></li>",
                Escaped(&choice.address()),
                Escaped(text)
            )?;
        }
        html.push_str("</ul>\n</nav>\n");
        Ok(())
    }
}
