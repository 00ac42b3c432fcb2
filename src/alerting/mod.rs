//! Prometheus rules for a configuration: what is recorded, and what somebody is told about.
//!
//! Pure text: policies, objectives and a few options in, rule files out, the same for the same
//! input. What the alerts mean and why their thresholds are what they are is told in
//! `docs/reference/alerts.md`.

mod backlog;
mod burn;
mod exporter;
mod model;
mod options;
mod promql;
mod quality;
mod region;
mod sla;
mod slo;

pub use model::{Alert, Category, Group, Links, Recording, Rule, RuleFile, Severity, text};
pub use options::Options;
pub use slo::{pyrra, sloth};

use crate::engine::Rules;

const GENERATED: &str =
    "Written by `ticket-exporter rules`; change its configuration rather than this.";

/// The rules of a configuration, and what it gives no reason to alert on, in sentences.
///
/// `objectives`: one for each policy, between 0 and 1.
pub fn prometheus(
    rules: &Rules,
    objectives: &[f64],
    options: &Options,
) -> (Vec<RuleFile>, Vec<String>) {
    let mut remarks = Vec::new();
    if !options.links.runbooks.contains("://") {
        remarks.push(format!(
            "runbook_url is relative ({}/…), so the links in notifications lead nowhere; --runbook-url \
             says where the runbooks are",
            options.links.runbooks
        ));
    }
    let mut recorded = exporter::recordings(options);
    recorded.extend(backlog::recordings(options));
    if rules.policies.is_empty() {
        remarks.push("no sla.policies: no alert watches promises".to_owned());
    } else {
        recorded.extend(sla::recordings(&rules.policies, objectives, options));
        if options.urgent.is_empty() {
            remarks.push(
                "no priorities: nothing tells which are urgent, so no TicketSlaBreached; --urgent \
                 names them"
                    .to_owned(),
            );
        }
    }
    let mut groups = vec![Group {
        name: "ticket-exporter",
        rules: exporter::alerts(options),
    }];
    if !rules.policies.is_empty() {
        groups.push(Group {
            name: "ticket-sla",
            rules: sla::alerts(&rules.policies, objectives, options),
        });
    }
    groups.push(Group {
        name: "ticket-backlog",
        rules: backlog::alerts(options),
    });
    match quality::judged(&rules.windows) {
        Some(window) => {
            recorded.extend(quality::recordings(window, options));
            groups.push(Group {
                name: "ticket-quality",
                rules: quality::alerts(window, options),
            });
        }
        None => remarks.push(
            "no window of a day or more: no alert compares quality with earlier weeks".to_owned(),
        ),
    }
    let files = vec![
        RuleFile {
            name: "recording.yml",
            remarks: vec!["Numbers that the alerts are made of.", GENERATED],
            groups: vec![Group {
                name: "ticket-recordings",
                rules: recorded,
            }],
        },
        RuleFile {
            name: "alerts.yml",
            remarks: vec!["What somebody is told about.", GENERATED],
            groups,
        },
    ];
    (files, remarks)
}
