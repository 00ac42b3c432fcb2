//! `check-config --estimate`: estimates the resources that a configuration needs.

use std::cmp::Reverse;
use std::process::ExitCode;

use super::arguments::CheckConfigArguments;
use super::failure::{CommandFailure, CommandResult};
use super::terminal;
use crate::app::estimate::{Estimate, EstimateRequest, estimate};
use crate::engine::Rules;

/// The scrape interval in our documentation.
const SCRAPE_SECONDS: usize = 15;
/// Most memory for fetched records in librdkafka; `edge::kafka` sets this limit.
const FETCHED: u64 = 32 << 20;
/// Number of the largest metric families to print.
const SHOWN_FAMILIES: usize = 10;
const MEBIBYTE: f64 = (1 << 20) as f64;

pub fn run(rules: &Rules, check: &CheckConfigArguments) -> CommandResult {
    terminal::notify("measuring on this machine …");
    let questions = EstimateRequest {
        teams: check.teams.map(|teams| teams as usize),
        channels: check.channels as usize,
        tickets_a_day: check.tickets_per_day as usize,
    };
    let estimate = estimate(rules, questions)
        .map_err(|error| CommandFailure::other(format!("cannot measure memory: {error}")))?;
    terminal::print(&text(&estimate, check.tickets_per_day))?;
    Ok(ExitCode::SUCCESS)
}

fn text(estimate: &Estimate, tickets_a_day: u32) -> String {
    let mut lines = vec![
        format!(
            "{:<11} {} teams, {} priorities, {} channels, {}{} new tickets per day",
            "for",
            grouped(estimate.teams as u64),
            estimate.priorities,
            estimate.channels,
            estimate
                .attributes
                .iter()
                .map(|(name, values)| format!("{values} values of {name}, "))
                .collect::<String>(),
            grouped(tickets_a_day.into())
        ),
        String::new(),
        format!(
            "{:<11} {}: {} at the start, {} for each further team; plus about a hundred series about \
             the exporter itself",
            "series",
            grouped(estimate.series() as u64),
            grouped(estimate.series_at_start as u64),
            grouped(estimate.series_a_team as u64),
        ),
    ];
    lines.extend(largest_families(estimate));
    lines.push(format!(
        "{:<11} {} as text, written in {:.1?}; {} as protobuf, in {:.1?}; smaller on the network, \
         because compressed",
        "scrape",
        size(estimate.text.bytes as u64),
        estimate.text.took,
        size(estimate.protobuf.bytes as u64),
        estimate.protobuf.took,
    ));
    lines.push(format!(
        "{:<11} {} samples per second at one scrape every {SCRAPE_SECONDS} s; fewer with native \
         histograms only",
        "prometheus",
        grouped((estimate.series() / SCRAPE_SECONDS) as u64),
    ));
    lines.extend(memory(estimate));
    lines.push(format!(
        "{:<11} about {} before compression, and up to twice that during a rewrite",
        "checkpoint",
        size(estimate.state()),
    ));
    let events_a_day = estimate.events_a_ticket * f64::from(tickets_a_day);
    let event = estimate.event.as_secs_f64();
    lines.push(format!(
        "{:<11} {:.2} µs per event; {} events per day ({:.1} per ticket) need {:.1} s of one core; the \
         exporter can process up to {} events per second",
        "cpu",
        event * 1e6,
        grouped(whole(events_a_day)),
        estimate.events_a_ticket,
        events_a_day * event,
        grouped(whole(1.0 / event.max(f64::EPSILON))),
    ));
    lines.push(String::new());
    lines.join("\n")
}

/// The largest metric families, and the sum of the others.
fn largest_families(estimate: &Estimate) -> Vec<String> {
    let mut families = estimate.families.clone();
    families.sort_by_key(|(name, series)| (Reverse(*series), name.clone()));
    let others = families.split_off(families.len().min(SHOWN_FAMILIES));
    let rest: usize = others.iter().map(|(_, series)| series).sum();
    let name = format!("{} other families", others.len());
    families.push((name, rest));
    let width = families.iter().map(|(name, _)| name.len()).max();
    let width = width.unwrap_or_default();
    let line = |(name, series): &(String, usize)| {
        format!("{:<11} {name:<width$} {:>11}", "", grouped(*series as u64))
    };
    families.iter().map(line).collect()
}

fn memory(estimate: &Estimate) -> Vec<String> {
    let scrape = estimate.text.bytes as u64;
    let parts = [
        (
            estimate.tickets_memory(),
            format!(
                "{} tickets in memory, {:.0} bytes each",
                grouped(estimate.tickets as u64),
                estimate.ticket_memory
            ),
        ),
        (estimate.series_memory, "series and windows".to_owned()),
        (FETCHED, "fetched records (limit)".to_owned()),
        (scrape, "one scrape".to_owned()),
        (estimate.base_memory, "program".to_owned()),
    ];
    let all = parts.iter().map(|(bytes, _)| bytes).sum();
    let mut lines = vec![format!("{:<11} about {}", "memory", size(all))];
    lines.extend(
        parts
            .iter()
            .map(|(bytes, what)| format!("{:<11} {:>8} {what}", "", size(*bytes))),
    );
    lines
}

fn whole(number: f64) -> u64 {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate; f64 to u64 saturates"
    )]
    let whole = number.round() as u64;
    whole
}

/// Separates thousands with commas.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn size(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    let mebibytes = bytes as f64 / MEBIBYTE;
    if mebibytes >= 10.0 {
        format!("{mebibytes:.0} MiB")
    } else if mebibytes >= 1.0 {
        format!("{mebibytes:.1} MiB")
    } else {
        format!("{} KiB", bytes >> 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(size(1_572_864), "1.5 MiB");
        assert_eq!(size(20 << 20), "20 MiB");
        assert_eq!(size(900_000), "878 KiB");
    }
}
