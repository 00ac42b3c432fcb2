//! The parts that all pages share: the frame, the style, the script that refreshes them, and escaped
//! text. A page loads nothing from elsewhere; it refreshes from its own address.

use std::fmt::{self, Write};
use std::sync::LazyLock;

use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA256, digest};

use super::context::WebContext;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("refresh.js");

/// A browser may use this style and this script, by their SHA-256 (Content Security Policy Level 3,
/// section 6.7.3.3), and ask this server. `data:` is the empty icon, without which browsers would
/// ask for one.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
});

/// Seconds between two refreshes.
const REFRESH: u32 = 5;
/// A page with this many rows refreshes more rarely, because it is large.
const MANY_ROWS: usize = 100;
const REFRESH_MANY: u32 = 60;

pub struct HtmlPage {
    pub status: StatusCode,
    pub title: &'static str,
    /// The content of the element `main`.
    pub main: String,
    pub rows: usize,
}

impl HtmlPage {
    pub fn respond(&self, context: &WebContext) -> Response {
        let headers = [(CONTENT_SECURITY_POLICY, POLICY.as_str())];
        let mut html = String::with_capacity(self.main.len() + 16_384);
        // Writing into a string cannot fail.
        let _ = self.write(&mut html, context);
        (self.status, headers, Html(html)).into_response()
    }

    fn write(&self, html: &mut String, context: &WebContext) -> fmt::Result {
        let build = context.published.self_metrics().build();
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
             <body data-refresh=\"{refresh}\">\n<header>\n<div>\n<h1><a href=\"./\">ticket-exporter</a></h1>\n\
             <p>Support KPIs from ticket events, for Prometheus.</p>\n\
             <p class=\"dim\">version {} · revision {} · running since {}</p>\n</div>\n",
            Escaped(self.title),
            Escaped(build.version),
            Escaped(build.revision),
            context.published.self_metrics().started().rfc3339(),
        )?;
        html.push_str("<nav aria-label=\"Pages\">\n<ul class=\"links\">\n");
        let tickets = context.shows_tickets().then_some(("/tickets", "Tickets"));
        let links = [
            (context.telemetry_path.as_str(), "Metrics"),
            ("/api/v1/kpis", "KPIs as JSON"),
        ];
        let probes = [("/-/healthy", "Health"), ("/-/ready", "Readiness")];
        // All pages are in one folder, so these addresses are right with any prefix.
        for (path, name) in links.into_iter().chain(tickets).chain(probes) {
            writeln!(html, "<li><a href=\".{}\">{name}</a></li>", Escaped(path))?;
        }
        html.push_str("</ul>\n</nav>\n</header>\n<main>\n");
        write_state(html, context)?;
        html.push_str(&self.main);
        html.push_str("</main>\n</body>\n</html>\n");
        Ok(())
    }
}

/// Whether the exporter is ready, and why not. A screen reader announces changes.
fn write_state(html: &mut String, context: &WebContext) -> fmt::Result {
    let reasons = context.published.readiness().reasons();
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
    for remark in context.published.readiness().remarks() {
        writeln!(html, "<p class=\"bad\">{}</p>", Escaped(&remark))?;
    }
    html.push_str(
        "<p id=\"silent\" class=\"bad\" hidden>The exporter does not answer. \
         The page shows its last answer.</p>\n</div>\n",
    );
    Ok(())
}

/// Escapes text for HTML elements and attributes.
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

/// A dash that a screen reader reads as "no data".
pub const NO_DATA: &str =
    "<span aria-hidden=\"true\">–</span><span class=\"hidden\">no data</span>";

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn text_stays_text() {
        let nasty = Escaped("<b a=\"x\">'&'</b>").to_string();
        assert_eq!(nasty, "&lt;b a=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/b&gt;");
    }

    #[test]
    fn the_policy_allows_only_this_style_and_this_script() {
        for (directive, text) in [("script-src", SCRIPT), ("style-src", STYLE)] {
            let hash = BASE64_STANDARD.encode(Sha256::digest(text));
            let allowed = format!("{directive} 'sha256-{hash}';");
            assert!(POLICY.contains(&allowed), "{allowed}");
            assert!(!text.contains("</"), "it would end the element");
        }
    }
}
