use std::sync::Arc;
use ticket_exporter::domain::policy::*;
use ticket_exporter::domain::timestamp::*;
use ticket_exporter::engine::*;
fn main() {
    let file = std::path::PathBuf::from(std::env::args().nth(1).unwrap());
    let mut rules = Rules::default();
    rules.priorities = ["p1", "p2", "p3", "p4"].map(String::from).to_vec();
    rules.known_teams = ["billing", "network", "accounts", "hardware", "onsite"]
        .map(String::from)
        .to_vec();
    let spec = |tz: &str| {
        use ticket_exporter::domain::calendar::*;
        let hours = vec![
            OpenHours::parse("08:00-12:00").unwrap(),
            OpenHours::parse("13:00-17:00").unwrap(),
        ];
        let mut weekly: [Vec<OpenHours>; 7] = Default::default();
        for d in 0..5 {
            weekly[d] = hours.clone();
        }
        Calendar::compile(&CalendarSpec {
            timezone: tz.parse().unwrap(),
            weekly,
            holidays: Default::default(),
            special: Default::default(),
        })
        .unwrap()
    };
    rules.calendars = vec![spec("Asia/Jakarta"), spec("Europe/Berlin")];
    rules.default_calendar = Some(ticket_exporter::domain::calendar::CalendarId(0));
    for (n, p) in ["p1", "p2", "p3", "p4"].iter().enumerate() {
        let k = n as i64 + 1;
        rules.policies.push(Policy {
            name: p.to_string(),
            matches: Match {
                priority: Some(vec![p.to_string()]),
                ..Default::default()
            },
            clock: Clock::Business,
            calendar: None,
            targets: [
                Some(15 * MINUTE * k),
                Some(30 * MINUTE * k),
                Some(4 * HOUR * k),
                Some(2 * HOUR * k),
            ],
            pauses: Policy::default_pauses(),
        });
    }
    rules.add_targets_to_buckets();
    let rules = Arc::new(rules);
    let started = std::time::Instant::now();
    let r = ticket_exporter::app::replay::replay(rules, &[file], None, &mut |_| {}).unwrap();
    let e = started.elapsed();
    println!(
        "{} lines in {:?}: {:.0}/s {:?}",
        r.lines,
        e,
        r.lines as f64 / e.as_secs_f64(),
        r.counts
    );
}
