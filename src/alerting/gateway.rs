//! Alerts on the receiver of webhooks: are webhooks written to Kafka?

use super::exporter::alert;
use super::model::{Alert, PrometheusRule, Severity};
use super::options::RuleOptions;
use super::promql::{matcher, window};
use crate::domain::timestamp::{HOUR, MINUTE, Milliseconds};

/// The scrape job in the guide. It must differ from the exporter's, whose alerts ask for its own job.
const JOB: &str = "ticket-gateway";
/// Several failed scrapes; a restart takes only seconds.
const DOWN: Milliseconds = 3 * MINUTE;
/// A broker that restarts is back by then.
const REFUSING: Milliseconds = 2 * MINUTE;
/// Requests refused in [`RuleOptions::hold`]: some senders repeat them, others do not.
const REFUSED: u32 = 5;
/// Requests without a valid proof in [`SPAN`], while no other request of the hook is accepted: the secret is
/// wrong. A stranger alone does not cause it on a hook with traffic.
const UNAUTHORIZED: u32 = 10;
const SPAN: Milliseconds = HOUR;

pub fn alerts(options: &RuleOptions) -> Vec<PrometheusRule> {
    vec![
        down().into(),
        refusing(options).into(),
        unauthorized().into(),
    ]
}

fn down() -> Alert {
    let job = matcher("job", JOB);
    Alert {
        expression: format!("max by (job) (up{{{job}}}) == 0"),
        summary: "No gateway can be scraped".into(),
        description:
            "No instance of job {{ $labels.job }} answers. Webhooks do not arrive, and some \
                      helpdesks do not send them again."
                .into(),
        ..alert("TicketGatewayDown", Severity::Critical, Some(DOWN))
    }
}

fn refusing(options: &RuleOptions) -> Alert {
    let held = options.held();
    Alert {
        expression: format!(
            "sum by (job) (increase(ticket_gateway_requests_total{{code=\"503\"}}{held})) >= {REFUSED}\n\
             or\nmax by (job) (last_over_time(ticket_gateway_ready{held})) == 0"
        ),
        summary: "The gateway cannot write webhooks to Kafka".into(),
        description:
            "Webhooks of job {{ $labels.job }} get 503. Some helpdesks do not send them again, \
                      so events are lost. /-/ready gives the reason."
                .into(),
        ..alert("TicketGatewayRefusing", Severity::Critical, Some(REFUSING))
    }
}

fn unauthorized() -> Alert {
    let span = window(SPAN);
    Alert {
        expression: format!(
            "sum by (job, hook) (increase(ticket_gateway_requests_total{{code=~\"401|403\"}}[{span}])) >= \
             {UNAUTHORIZED}\nunless on (job, hook)\n  \
             sum by (job, hook) (increase(ticket_gateway_requests_total{{code=\"200\"}}[{span}])) > 0"
        ),
        summary: "All webhooks of a hook are refused".into(),
        description: "{{ $value | printf \"%.0f\" }} requests of hook {{ $labels.hook }} had no valid \
                      proof in the last hour, and none was accepted. The secret of the hook is most \
                      likely wrong."
            .into(),
        ..alert("TicketGatewayUnauthorized", Severity::Warning, None)
    }
}
