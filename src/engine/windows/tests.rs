use super::*;
use crate::domain::timestamp::HOUR;
use crate::engine::rules::Window;

fn hourly() -> Windows {
    let window = Window {
        label: "1h".to_owned(),
        length: HOUR,
    };
    Windows::new(&Rules {
        windows: vec![window],
        ..Rules::default()
    })
}

fn created(windows: &mut Windows, clock: i64) -> u64 {
    windows.advance(Timestamp(clock));
    windows.publish(3)[2].events[0]
}

#[test]
fn a_window_holds_its_length_before_the_last_step_and_the_time_since() {
    let mut windows = hourly();
    let minute = 60_000;
    for at in [0, 1, minute, 60 * minute, 60 * minute + 1] {
        windows.event(2, WindowEvent::Created, Timestamp(at));
    }
    assert_eq!(
        created(&mut windows, 60 * minute),
        3,
        "(0, 60 min]: not the event at 0"
    );
    assert_eq!(created(&mut windows, 60 * minute + 1), 4);
    assert_eq!(created(&mut windows, 61 * minute - 1), 4, "no step yet");
    assert_eq!(created(&mut windows, 61 * minute), 2, "(1 min, 61 min]");
    assert_eq!(created(&mut windows, 500 * minute), 0);
}

#[test]
fn an_unchanged_team_is_not_read_again() {
    let mut windows = hourly();
    windows.event(2, WindowEvent::Created, Timestamp(5));
    windows.advance(Timestamp(10));
    let first = windows.publish(3);
    windows.advance(Timestamp(11));
    assert!(Arc::ptr_eq(&first[2], &windows.publish(3)[2]));
}

#[test]
fn a_late_observation_counts_in_its_own_step() {
    let mut windows = hourly();
    windows.advance(Timestamp(2 * HOUR));
    windows.duration(2, Kpi::Handle, Basis::Calendar, Timestamp(HOUR + 1), 4_000);
    windows.duration(2, Kpi::Handle, Basis::Calendar, Timestamp(HOUR), 8_000);
    windows.advance(Timestamp(2 * HOUR));
    let read = windows.publish(3);
    assert_eq!(read[2].durations.len(), 1);
    assert!(
        (read[2].durations[0].totals.mean_seconds() - 4.0).abs() < 1e-9,
        "the second one is too old"
    );
}

/// Observations of two partitions by minute. The second partition comes late.
fn two_partitions() -> impl Iterator<Item = (i64, i64)> {
    let first = (1..2_000).map(|minute| (minute, minute * 60_000));
    let second = (1..2_000).map(|minute| (minute, minute * 60_000 + 7));
    first.chain(second)
}

#[test]
fn the_number_of_waiting_observations_is_limited_without_loss() {
    let (mut bounded, mut patient) = (hourly(), hourly());
    bounded.most_waiting = 100;
    let mut most = 0;
    for (minute, at) in two_partitions() {
        for windows in [&mut bounded, &mut patient] {
            windows.event(2, WindowEvent::Created, Timestamp(at));
            windows.duration(2, Kpi::Handle, Basis::Calendar, Timestamp(at), minute);
            // The second partition holds the clock back.
            windows.advance(Timestamp(0));
        }
        most = most.max(bounded.waiting.len());
    }
    assert!(most <= 100, "{most} entries wait");
    assert_eq!(patient.waiting.len(), 4 * 1_999, "all of them");
    assert!(bounded.clock() > patient.clock());
    for windows in [&mut bounded, &mut patient] {
        windows.advance(Timestamp(2_000 * 60_000));
        assert_eq!(windows.waiting.len(), 0);
    }
    assert_eq!(bounded.publish(3), patient.publish(3));
    assert_eq!(bounded.publish(3)[2].events[0], 2 * 60 - 1);
}

#[test]
fn windows_before_are_what_a_simple_count_gives() {
    let day = 24 * HOUR;
    let rules = Rules {
        windows: [HOUR, day]
            .map(|length| Window {
                label: length.to_string(),
                length,
            })
            .into(),
        ..Rules::default()
    };
    let mut windows = Windows::new(&rules);
    let mut all: Vec<i64> = Vec::new();
    let mut random = 7_u64;
    for clock in (1..400).map(|round| round * 10 * 60_000) {
        for _ in 0..20 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            // Most observations are recent; some come days late.
            let age = (random >> 33).cast_signed() % if random >> 63 == 0 { HOUR } else { 3 * day };
            all.push(clock - age);
            windows.duration(1, Kpi::Handle, Basis::Calendar, Timestamp(clock - age), age);
        }
        windows.advance(Timestamp(clock));
        let read = &windows.publish(2)[1];
        for (window, length) in [HOUR, day].into_iter().enumerate() {
            let step = length / STEPS;
            let begin = clock.div_euclid(step) * step - length;
            let within = |from: i64, to: i64| {
                let count = all.iter().filter(|at| **at > from && **at <= to).count();
                (count > 0).then_some(count as u64)
            };
            let now = read.durations.iter().find(|one| one.window == window);
            let before = read.means_before.iter().find(|one| one.window == window);
            assert_eq!(now.map(|one| one.totals.count), within(begin, clock));
            assert_eq!(
                before.map(|one| one.totals.count),
                within(begin - length, begin)
            );
            let reach = windows.reach();
            let known = reach.knows_before([length].into_iter(), Timestamp(0))[0];
            assert_eq!(known, clock >= 2 * length, "{clock}");
        }
    }
}

#[test]
fn steps_of_the_window_before_are_written_and_restored() {
    let mut windows = hourly();
    windows.track_changes();
    for minute in 0..180 {
        windows.event(2, WindowEvent::Created, Timestamp(minute * 60_000 + 1));
    }
    windows.advance(Timestamp(180 * 60_000));
    let steps: Vec<(WindowKey, WindowStep)> = windows
        .steps(2, event_series(WindowEvent::Created))
        .map(|(key, step)| (key, step.into_owned()))
        .collect();
    assert_eq!(steps.len(), 120);
    // A late observation changes a step of the window before.
    windows.take_changes();
    for (key, _) in &steps[..1] {
        windows.take_changed_steps(*key).for_each(drop);
    }
    windows.event(2, WindowEvent::Created, Timestamp(90 * 60_000 + 2));
    windows.advance(Timestamp(180 * 60_000));
    let key = windows.take_changes().keys[0];
    let late: Vec<WindowStep> = windows
        .take_changed_steps(key)
        .map(Cow::into_owned)
        .collect();
    assert_eq!((late.len(), late[0].number, late[0].count), (1, 90, 2));
    let (clock, expected) = (windows.clock(), windows.publish(3));
    let restored = |since: Option<Timestamp>| {
        let rules = Rules {
            windows: vec![Window {
                label: "1h".to_owned(),
                length: HOUR,
            }],
            ..Rules::default()
        };
        let mut restored = Windows::restored(&rules, clock, since);
        for (key, step) in steps.iter().cloned() {
            restored.restore_step(key, step);
        }
        restored.restore_step(key, late[0].clone());
        restored
    };
    assert_eq!(restored(None).publish(3), expected);
    assert_eq!(restored(None).publish(3)[2].events_before[0], 61);
    assert_eq!(
        restored(None)
            .reach()
            .knows_before([HOUR].into_iter(), Timestamp(0)),
        [true]
    );
    assert_eq!(
        restored(clock)
            .reach()
            .knows_before([HOUR].into_iter(), Timestamp(0)),
        [false]
    );
}
