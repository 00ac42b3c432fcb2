//! Signals during the start, and changes that only a restart can apply.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{hang_up, last_reload, start_with, wait_for_sum};
use crate::crash::{Simulation, created, target_config};
use crate::end_to_end::{PATIENCE, helpdesk_config_on_event_time, now};
use crate::harness::{Kafka, command, eventually, get};

/// SIGHUP as a bit in the kernel's status of a process.
const HANGUP: u64 = 1;

/// Whether the process handles SIGHUP.
fn hears_hangups(process: u32) -> Result<(), String> {
    let status = fs::read_to_string(format!("/proc/{process}/status"));
    let status = status.map_err(|error| error.to_string())?;
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = u64::from_str_radix(caught.unwrap_or_default().trim(), 16).unwrap();
    if caught & HANGUP == 0 {
        return Err("not yet".to_owned());
    }
    Ok(())
}

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(process: u32) {
    let sent = Command::new("kill")
        .args(["-HUP", &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[test]
fn a_signal_during_the_start_waits_for_its_end() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("hangup", 1);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.yaml");
    let port = crate::harness::free_port();
    fs::write(&config, target_config(kafka, &topic, "10m")).unwrap();
    let child = command()
        .arg("--config.file")
        .arg(&config)
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .current_dir(folder.path())
        .stderr(Stdio::null())
        .spawn();
    let mut exporter = Running(child.unwrap());
    let id = exporter.0.id();
    eventually("a handler of SIGHUP", PATIENCE, || hears_hangups(id));
    for _ in 0..50 {
        signal(id);
    }
    let url = format!("http://127.0.0.1:{port}/-/ready");
    eventually("a ready exporter", PATIENCE, || {
        assert_eq!(exporter.0.try_wait().unwrap(), None, "it ended");
        match get(&url)? {
            ready if ready.status == 200 => Ok(()),
            other => Err(other.text()),
        }
    });
}

/// While the exporter reads a history, it is not ready and serves nothing; a reload does not change that.
#[test]
fn a_reload_while_it_catches_up() {
    let kafka = Kafka::shared();
    let topic = kafka.new_topic("catching-up", 3);
    let simulation = Simulation::start(
        kafka,
        &topic,
        "--seed 3 --from 2026-03-02T00:00:00Z --for 30d",
    );
    simulation.finish();
    let config = helpdesk_config_on_event_time(kafka, &topic);
    let mut exporter = start_with(&config);
    hang_up(
        &mut exporter,
        &(config.clone() + "limits: { teams: 900 }\n"),
        true,
    );
    hang_up(
        &mut exporter,
        &(config.clone() + "limits: { teams: no }\n"),
        false,
    );
    exporter.write_config(&config);
    eventually("a success", Duration::from_secs(60), || {
        exporter.signal(crate::harness::Signal::Hup);
        match last_reload(&exporter) {
            (true, _) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    exporter.wait_ready(PATIENCE);
    crate::crash::close(kafka, &topic, crate::crash::after_lively());
    super::wait_for_truth(&exporter, &config, kafka, &topic);
}

/// A quick restart finds the session of its former process. With other topics it must become another
/// member.
#[test]
fn a_restart_with_one_more_topic() {
    let kafka = Kafka::shared();
    let (one, other) = (
        kafka.new_topic("one-topic", 2),
        kafka.new_topic("more-topic", 2),
    );
    let config = target_config(kafka, &one, "10m");
    kafka.produce(&one, [created("a", now())]);
    kafka.produce(&other, [created("b", now())]);
    let mut exporter = start_with(&config);
    wait_for_sum(&exporter, "ticket_created_total", &[], 1.0);
    exporter.stop(PATIENCE);
    exporter.write_config(&super::instead(
        &config,
        &format!("topics: [{one}]"),
        &format!("topics: [{one}, {other}]"),
    ));
    exporter.restart();
    exporter.wait_ready(PATIENCE);
    wait_for_sum(&exporter, "ticket_created_total", &[], 2.0);
}
