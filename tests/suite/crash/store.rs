//! The state on disk is lost or damaged. The exporter rebuilds it from the topic if the configuration
//! allows it, and serves nothing until then.

use std::path::{Path, PathBuf};

use super::watch::Watch;
use super::{DIRECTORY, assert_logged, close, start, stored, wait_for_end, wait_for_truth};
use crate::end_to_end::{PATIENCE, helpdesk_config_on_event_time, now, simulate, to_topic};
use crate::harness::{Exporter, Kafka};

/// A killed exporter with state on its disk.
struct Killed {
    kafka: &'static Kafka,
    topic: String,
    config: String,
    exporter: Exporter,
    watch: Watch,
}

impl Killed {
    #[track_caller]
    fn new(name: &str) -> Self {
        let kafka = Kafka::shared();
        let topic = kafka.new_topic(name, 3);
        let config = helpdesk_config_on_event_time(kafka, &topic);
        let config = config + "checkpoint: { on_damage: rebuild }\n";
        let target = to_topic(kafka, &topic);
        simulate(&format!(
            "--seed 6 --from 2026-03-02T00:00:00Z --for 14d {target}"
        ));
        let mut exporter = start(&config);
        let watch = Watch::start(&exporter);
        exporter.wait_ready(PATIENCE);
        wait_for_end(&exporter, kafka, &topic);
        exporter.kill9();
        Self {
            kafka,
            topic,
            config,
            exporter,
            watch,
        }
    }

    /// Starts the exporter again. It reads everything and serves only right numbers.
    #[track_caller]
    fn rebuilds(mut self, asides: usize) {
        self.exporter.restart();
        self.exporter.wait_ready(PATIENCE);
        let total: i64 = self.kafka.ends(&self.topic).values().sum();
        let metrics = self.exporter.metrics();
        let events = metrics.metric("ticket_exporter_events_total");
        let applied = events.label("result", "applied").value();
        assert!(
            applied > 0.9 * total as f64,
            "only {applied} of {total} read again"
        );
        let later = now();
        close(self.kafka, &self.topic, later);
        wait_for_truth(&self.exporter, &self.config, self.kafka, &self.topic);
        self.watch.finish();
        let aside = stored(&self.exporter, "set-aside-");
        assert_eq!(
            aside.len(),
            asides,
            "{aside:?}; log\n{}",
            self.exporter.logs()
        );
        if asides > 0 {
            assert_logged(&self.exporter, "level=warn");
            assert_logged(&self.exporter, "set-aside-");
        }

        // The rebuilt store is complete.
        self.exporter.kill9();
        self.exporter.restart();
        self.exporter.wait_ready(PATIENCE);
        wait_for_truth(&self.exporter, &self.config, self.kafka, &self.topic);
        assert_eq!(stored(&self.exporter, "set-aside-").len(), asides);
    }

    fn directory(&self) -> PathBuf {
        self.exporter.folder().join(DIRECTORY)
    }

    /// The largest file of the store.
    #[track_caller]
    fn segment(&self) -> PathBuf {
        let size = |path: &PathBuf| path.metadata().unwrap().len();
        let largest = stored(&self.exporter, "segment-")
            .into_iter()
            .max_by_key(size);
        let largest = largest.expect("a store with segments");
        assert!(size(&largest) > 10_000, "{largest:?} holds nothing");
        largest
    }
}

fn flip_a_bit(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_lost_directory_is_rebuilt() {
    let killed = Killed::new("lost-store");
    std::fs::remove_dir_all(killed.directory()).unwrap();
    killed.rebuilds(0);
}

#[test]
fn a_store_with_a_flipped_bit_is_set_aside() {
    let killed = Killed::new("flipped-store");
    flip_a_bit(&killed.segment());
    killed.rebuilds(1);
}

#[test]
fn a_truncated_store_is_set_aside() {
    let killed = Killed::new("halved-store");
    let segment = killed.segment();
    let half = segment.metadata().unwrap().len() / 2;
    let file = std::fs::File::options().write(true).open(segment).unwrap();
    file.set_len(half).unwrap();
    killed.rebuilds(1);
}

#[test]
fn a_damaged_store_stays_unless_a_rebuild_is_allowed() {
    let mut killed = Killed::new("kept-store");
    let segment = killed.segment();
    flip_a_bit(&segment);
    let damaged = std::fs::read(&segment).unwrap();
    let careful = killed
        .config
        .replace("on_damage: rebuild", "on_damage: fail");
    killed.exporter.write_config(&careful);
    let status = killed.exporter.restart_to_end();
    let said = killed.exporter.logs_since_start();
    assert_eq!(status.code(), Some(1), "{said}");
    let name = segment.file_name().unwrap().to_str().unwrap();
    for words in [name, "is damaged at byte", "checkpoint.on_damage: rebuild"] {
        assert!(said.contains(words), "no {words:?} in\n{said}");
    }
    assert_eq!(std::fs::read(&segment).unwrap(), damaged);
    assert_eq!(stored(&killed.exporter, "set-aside-"), [] as [PathBuf; 0]);

    killed.exporter.write_config(&killed.config);
    killed.rebuilds(1);
}
