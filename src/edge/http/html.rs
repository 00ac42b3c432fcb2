//! What all pages share: the frame, the style, the script that refreshes them, and text that
//! stays text. Nothing is loaded from anywhere; the page refreshes from its own address.

use std::fmt::{self, Write};

use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse, Response};

use super::Site;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("refresh.js");

/// What a browser allows the page: this style and this script, by their SHA-256 (Content Security
/// Policy Level 3, section 6.7.3.3), and to ask its own server. `data:` is the empty icon, without
/// which browsers would ask for one.
const POLICY: &str = "default-src 'none'; \
    script-src 'sha256-u4Vculb+N7um9WMBOUzHt2DntICay3HdVuLhtLhTPvs='; \
    style-src 'sha256-pHIRoZleT62XU+TxpvA5ITeZYwl9M+anROAV9ipNPXY='; \
    connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// Seconds between two refreshes: people look at it, scrapers need not.
const REFRESH: u32 = 5;
/// Rows from which a page is refreshed more rarely, since it is large.
const MANY_ROWS: usize = 100;
const REFRESH_MANY: u32 = 60;

/// A page: its title, what stands in its `main`, and how many rows it has.
pub struct Page {
    pub status: StatusCode,
    pub title: &'static str,
    pub main: String,
    pub rows: usize,
}

impl Page {
    pub fn respond(&self, site: &Site) -> Response {
        let headers = [(CONTENT_SECURITY_POLICY, POLICY)];
        let mut html = String::with_capacity(self.main.len() + 16_384);
        // Writing into a string cannot fail.
        let _ = self.write(&mut html, site);
        (self.status, headers, Html(html)).into_response()
    }

    fn write(&self, html: &mut String, site: &Site) -> fmt::Result {
        let build = site.published.self_metrics().build();
        let refresh = if self.rows < MANY_ROWS {
            REFRESH
        } else {
            REFRESH_MANY
        };
        write!(
            html,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
             <title>{}</title>\n<link rel=\"icon\" href=\"data:,\">\n\
             <style>{STYLE}</style>\n<script type=\"module\">{SCRIPT}</script>\n</head>\n\
             <body data-refresh=\"{refresh}\">\n<header>\n<h1><a href=\"./\">ticket-exporter</a></h1>\n\
             <p>Support KPIs from ticket events, for Prometheus.</p>\n\
             <p class=\"dim\">version {} · revision {} · running since {}</p>\n",
            Escaped(self.title),
            Escaped(build.version),
            Escaped(build.revision),
            site.published.self_metrics().started().rfc3339(),
        )?;
        html.push_str("<nav aria-label=\"Pages\">\n<ul class=\"links\">\n");
        let tickets = site.shows_tickets().then_some(("/tickets", "Tickets"));
        let links = [
            (site.telemetry_path.as_str(), "Metrics"),
            ("/api/v1/kpis", "KPIs as JSON"),
        ];
        let probes = [("/-/healthy", "Health"), ("/-/ready", "Readiness")];
        // Every page is in the same folder, so that these are right below any prefix.
        for (path, name) in links.into_iter().chain(tickets).chain(probes) {
            writeln!(html, "<li><a href=\".{}\">{name}</a></li>", Escaped(path))?;
        }
        html.push_str("</ul>\n</nav>\n</header>\n<main>\n");
        write_state(html, site)?;
        html.push_str(&self.main);
        html.push_str("</main>\n</body>\n</html>\n");
        Ok(())
    }
}

/// Whether it is ready, and why not; said aloud by screen readers when it changes.
fn write_state(html: &mut String, site: &Site) -> fmt::Result {
    let reasons = site.published.readiness().reasons();
    html.push_str("<div role=\"status\" aria-live=\"polite\">\n");
    if reasons.is_empty() {
        html.push_str("<p class=\"good\"><strong>Ready.</strong></p>\n");
    } else {
        html.push_str("<p class=\"bad\"><strong>Not ready:</strong></p>\n<ul>\n");
        for reason in &reasons {
            writeln!(html, "<li>{}</li>", Escaped(reason))?;
        }
        html.push_str("</ul>\n");
    }
    for remark in site.published.readiness().remarks() {
        writeln!(html, "<p class=\"bad\">{}</p>", Escaped(&remark))?;
    }
    html.push_str(
        "<p id=\"silent\" class=\"bad\" hidden>The exporter does not answer: \
         what you see is of the last time it did.</p>\n</div>\n",
    );
    Ok(())
}

/// Text that stays text inside HTML, elements and attributes alike.
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\'' => formatter.write_str("&#39;")?,
                other => formatter.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// A cell that says aloud what a dash means.
pub const NO_DATA: &str =
    "<span aria-hidden=\"true\">–</span><span class=\"hidden\">no data</span>";

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn text_stays_text() {
        let nasty = Escaped("<b a=\"x\">'&'</b>").to_string();
        assert_eq!(nasty, "&lt;b a=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/b&gt;");
    }

    #[test]
    fn the_policy_allows_just_this_style_and_this_script() {
        for (directive, text) in [("script-src", SCRIPT), ("style-src", STYLE)] {
            let hash = BASE64_STANDARD.encode(Sha256::digest(text));
            let allowed = format!("{directive} 'sha256-{hash}';");
            assert!(POLICY.contains(&allowed), "write {allowed}");
            assert!(!text.contains("</"), "it would end the element");
        }
    }
}
