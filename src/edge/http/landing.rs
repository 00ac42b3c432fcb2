//! The landing page: what this is, how it is, and where to go. One page without scripts or
//! assets, for phones and screens, by day and by night.

use std::fmt::{self, Write};

use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY};
use axum::response::{Html, IntoResponse, Response};

use super::{Overview, Site};

/// Nothing may be loaded, run, sent or framed; the style is in the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#d0d7de;--dim:#57606a;--good:#1a7f37;--bad:#b35900}\
@media(prefers-color-scheme:dark){:root{--line:#3d444d;--dim:#9198a1;--good:#3fb950;--bad:#f0883e}}\
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:0 auto;padding:1.5rem 1rem}\
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}\
p{margin:.5rem 0}.dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}\
nav ul{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;padding:0;list-style:none}\
a{padding:.5rem 0;display:inline-block}\
.scroll{overflow-x:auto}table{border-collapse:collapse;min-width:100%}\
caption{text-align:left;color:var(--dim);padding-bottom:.5rem;max-width:calc(100vw - 2rem)}\
th,td{padding:.4rem .5rem;border-bottom:1px solid var(--line);text-align:right;\
font-variant-numeric:tabular-nums;white-space:nowrap}\
thead th{white-space:normal;vertical-align:bottom;line-height:1.25}\
th:first-child{text-align:left;padding-left:0;position:sticky;left:0;background:Canvas}";

pub(super) async fn page(State(site): State<Site>) -> Response {
    let headers: [(HeaderName, &str); 2] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
    ];
    let mut html = String::new();
    // Writing into a string cannot fail.
    let _ = write_page(&mut html, &site);
    (headers, Html(html)).into_response()
}

fn write_page(html: &mut String, site: &Site) -> fmt::Result {
    let build = site.published.self_metrics().build();
    let reasons = site.published.readiness().reasons();
    write!(
        html,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>ticket-exporter</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>ticket-exporter</h1>\n\
         <p>Support KPIs from ticket events, for Prometheus.</p>\n\
         <p class=\"dim\">version {} · revision {} · running since {}</p>\n</header>\n\
         <nav>\n<ul>\n<li><a href=\"{}\">Metrics</a></li>\n\
         <li><a href=\"/-/healthy\">Health</a></li>\n\
         <li><a href=\"/-/ready\">Readiness</a></li>\n</ul>\n</nav>\n<main>\n",
        Escaped(build.version),
        Escaped(build.revision),
        site.published.self_metrics().started().rfc3339(),
        Escaped(site.telemetry_path.as_str()),
    )?;
    if reasons.is_empty() {
        html.push_str("<p class=\"good\"><strong>Ready.</strong></p>\n");
    } else {
        html.push_str("<p class=\"bad\"><strong>Not ready:</strong></p>\n<ul>\n");
        for reason in &reasons {
            writeln!(html, "<li>{}</li>", Escaped(reason))?;
        }
        html.push_str("</ul>\n");
    }
    if site.published.view().kpis.is_none() {
        html.push_str("<p>KPIs are withheld until they are complete.</p>\n");
    } else if let Some(overview) = site.published.overview() {
        write_overview(html, &overview)?;
    }
    html.push_str("</main>\n</body>\n</html>\n");
    Ok(())
}

fn write_overview(html: &mut String, overview: &Overview) -> fmt::Result {
    write!(
        html,
        "<h2 id=\"teams\">Teams</h2>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"teams\">\n<table>\n<caption>{}</caption>\n\
         <thead>\n<tr><th scope=\"col\">Team</th>",
        Escaped(&overview.caption)
    )?;
    for column in &overview.columns {
        write!(html, "<th scope=\"col\">{}</th>", Escaped(column))?;
    }
    html.push_str("</tr>\n</thead>\n<tbody>\n");
    for row in &overview.rows {
        write!(html, "<tr><th scope=\"row\">{}</th>", Escaped(&row.team))?;
        for cell in &row.cells {
            write!(html, "<td>{}</td>", Escaped(cell))?;
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table>\n</div>\n");
    Ok(())
}

/// Text that stays text inside HTML, elements and attributes alike.
struct Escaped<'a>(&'a str);

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let nasty = Escaped("<b a=\"x\">'&'</b>").to_string();
        assert_eq!(nasty, "&lt;b a=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/b&gt;");
    }
}
