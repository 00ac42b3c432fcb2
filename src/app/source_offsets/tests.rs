use std::sync::Arc;
use std::time::Instant;

use super::anchor::ANCHOR_AGE;
use super::offsets::VERIFICATION_INTERVAL;
use super::stored::KEY;
use super::*;
use crate::domain::timestamp::Timestamp;
use crate::edge::kafka::{KafkaRecord, TopicPartition};
use crate::engine::Engine;

fn record<'a>(source: &'a TopicPartition, offset: i64, value: &'a str) -> KafkaRecord<'a> {
    KafkaRecord {
        partition: source,
        index: 0,
        offset,
        timestamp: Some(5),
        key: None,
        headers: &[],
        value: Some(value.as_bytes()),
    }
}

fn source() -> TopicPartition {
    TopicPartition::new("tickets", 3)
}

/// Whether the engine applies a record.
fn applies(offsets: &mut SourceOffsets, offset: i64, value: &str) -> bool {
    let source = source();
    offsets.advance(&record(&source, offset, value)) != RecordAction::Skip
}

/// Restored offsets, after the consumer has started.
fn started() -> (TopicPartition, SourceOffsets) {
    let source = source();
    let mut offsets = restored();
    assert_eq!(offsets.start(&source), Some(9));
    (source, offsets)
}

/// Stores all offsets.
fn stored(offsets: &mut SourceOffsets) -> StoredOffsets {
    let mut stored = StoredOffsets::default();
    offsets.write(true, &mut |key, value| {
        stored.add(key, Some(value)).unwrap();
    });
    stored
}

/// Offsets after two records, stored and restored.
fn restored() -> SourceOffsets {
    let source = source();
    let mut engine = Engine::new(Arc::default(), Timestamp(0));
    let partition = engine.only_partition();
    let mut offsets = SourceOffsets::default();
    offsets.add(&source, partition);
    assert_eq!(offsets.start(&source), None);
    let records = [record(&source, 7, "a"), record(&source, 9, "b")];
    for one in &records {
        assert_eq!(offsets.advance(one), RecordAction::Apply(partition));
    }
    offsets.set_anchors(&records);
    let mut stored = StoredOffsets::default();
    offsets.write(false, &mut |key, value| {
        stored.add(key, Some(value)).unwrap();
    });
    offsets.write(false, &mut |_, _| panic!("nothing changed since"));
    assert!(stored.topics_not_in(&["tickets".to_owned()]).is_empty());
    assert_eq!(stored.topics_not_in(&[]).len(), 1);
    stored.restore(&engine).unwrap()
}

#[test]
fn the_consumer_starts_with_the_anchor() {
    let (source, mut offsets) = started();
    assert!(!applies(&mut offsets, 9, "b"));
    assert!(applies(&mut offsets, 10, "c"));
    assert_eq!(offsets.lost(), None);
    assert_eq!(offsets.get(&source).unwrap().next, Some(11));
}

#[test]
fn another_record_at_the_anchor_is_a_loss() {
    let (_, mut offsets) = started();
    assert!(!applies(&mut offsets, 9, "x"));
    assert!(!applies(&mut offsets, 10, "y"));
    let lost = offsets.lost().unwrap();
    assert!(
        lost.to_string().starts_with("tickets/3: record 9"),
        "{lost}"
    );
}

#[test]
fn a_compacted_anchor_cannot_be_verified() {
    let (_, mut offsets) = started();
    assert!(applies(&mut offsets, 12, "d"));
    assert_eq!(offsets.lost(), None);
}

#[test]
fn retention_may_remove_the_anchor_but_no_new_record() {
    let source = source();
    let mut offsets = restored();
    assert_eq!(offsets.check_out_of_range(&source, Some((10, 10))), Ok(()));
    assert_eq!(offsets.start_at(&source, Some(9)), Some(9));
    assert!(!offsets.get(&source).unwrap().is_verified());
    assert_eq!(offsets.start_at(&source, Some(10)), Some(10));
    assert!(offsets.get(&source).unwrap().is_verified());
    let (next, begin) = (10, 11);
    for (extent, loss) in [
        ((11, 20), Loss::Deleted { next, begin }),
        ((0, 4), Loss::Shorter { next, end: 4 }),
    ] {
        let found = offsets
            .check_out_of_range(&source, Some(extent))
            .unwrap_err();
        assert_eq!(found.loss, loss);
    }
    assert!(offsets.check_out_of_range(&source, None).is_err());
}

#[test]
fn a_partition_that_ends_before_the_position_is_a_loss() {
    let (source, mut offsets) = started();
    assert!(offsets.verify_end(&source, Some(9), 9).is_err());
    assert_eq!(offsets.verify_end(&source, Some(9), 10), Ok(()));
    assert!(!offsets.get(&source).unwrap().is_verified());
    assert_eq!(offsets.verify_end(&source, Some(10), 10), Ok(()));
    assert!(offsets.get(&source).unwrap().is_verified(), "compacted");
}

#[test]
fn control_records_are_skipped_after_the_anchor_was_verified() {
    let (source, mut offsets) = started();
    offsets.skip_to(&source, 12);
    assert_eq!(offsets.get(&source).unwrap().next, Some(10));
    offsets.advance(&record(&source, 9, "b"));
    offsets.skip_to(&source, 12);
    offsets.skip_to(&source, 11);
    assert_eq!(offsets.get(&source).unwrap().next, Some(12));
    // Retention removes the control records: no record is lost.
    assert_eq!(offsets.check_out_of_range(&source, Some((12, 12))), Ok(()));
    assert_eq!(offsets.start_at(&source, Some(12)), Some(12));
    assert!(applies(&mut offsets, 12, "c"));
}

#[test]
fn an_anchor_from_before_a_reconnection_is_verified() {
    let (source, mut offsets) = started();
    offsets.advance(&record(&source, 9, "b"));
    let start = Instant::now();
    assert!(offsets.anchors_to_verify(start).is_empty());
    // A record of the other log is applied before the client reports the reconnection.
    let other = [record(&source, 10, "x")];
    offsets.advance(&other[0]);
    offsets.set_anchors(&other);
    offsets.reconnected(&source);
    let to_verify = [(source.clone(), 9)];
    assert_eq!(offsets.anchors_to_verify(start + ANCHOR_AGE / 2), to_verify);
    assert!(!offsets.get(&source).unwrap().is_verified());
    assert!(!applies(&mut offsets, 9, "b"));
    assert!(!applies(&mut offsets, 10, "x"));
    assert_eq!(offsets.lost(), None);

    // Frequent reconnections do not verify all the time.
    offsets.reconnected(&source);
    let later = start + ANCHOR_AGE;
    assert!(offsets.anchors_to_verify(later).is_empty());
    let later = later + VERIFICATION_INTERVAL;
    assert_eq!(offsets.anchors_to_verify(later), to_verify);
    offsets.advance(&record(&source, 9, "y"));
    assert_eq!(offsets.lost().unwrap().loss, Loss::Replaced { offset: 9 });
}

#[test]
fn anchors_age() {
    let (source, mut offsets) = started();
    offsets.advance(&record(&source, 9, "b"));
    let start = Instant::now();
    let more = [record(&source, 10, "c")];
    offsets.advance(&more[0]);
    offsets.set_anchors(&more);
    // A rebalance verifies the anchor, too.
    assert_eq!(offsets.start(&source), Some(9));
    assert!(!applies(&mut offsets, 9, "b"));
    for ages in 0..3 {
        assert!(
            offsets
                .anchors_to_verify(start + ANCHOR_AGE * ages)
                .is_empty()
        );
    }
    offsets.reconnected(&source);
    let to_verify = offsets.anchors_to_verify(start + ANCHOR_AGE * 3);
    assert_eq!(to_verify, [(source, 10)]);
}

#[test]
fn a_partition_that_is_gone_is_a_loss() {
    let offsets = restored();
    assert_eq!(offsets.check_existence(&[source()]), Ok(()));
    assert_eq!(
        offsets.check_existence(&[]),
        Ok(()),
        "the topic may come back"
    );
    let other = TopicPartition::new("tickets", 0);
    assert_eq!(
        offsets.check_existence(&[other]).unwrap_err().loss,
        Loss::Gone
    );
}

#[test]
fn a_retired_topic_stays_counted_and_is_not_consumed() {
    let source = source();
    let mut engine = Engine::new(Arc::default(), Timestamp(0));
    engine.add_partition().unwrap();
    let mut offsets = restored();
    offsets.retire("others", &mut engine);
    assert!(offsets.get(&source).is_some());
    offsets.retire("tickets", &mut engine);
    offsets.retire("tickets", &mut engine);
    assert_eq!(offsets.get(&source).map(|offset| offset.next), None);
    let other = [(Arc::clone(&source.topic), "two".to_owned())];
    assert_eq!(offsets.set_topic_ids(&other), Ok(()));
    assert_eq!(
        offsets.check_existence(&[TopicPartition::new("tickets", 0)]),
        Ok(())
    );

    // After a restart it is still retired, and a new topic of that name starts from its first record.
    let stored = stored(&mut offsets);
    assert!(stored.topics_not_in(&[]).is_empty());
    let mut offsets = stored.restore(&engine).unwrap();
    assert_eq!(offsets.iter().count(), 1, "its offset is still exported");
    offsets.add(&source, engine.add_partition().unwrap());
    assert_eq!(offsets.start(&source), None);
    assert_eq!(offsets.iter().count(), 1);
    let mut written = 0;
    offsets.write(true, &mut |_, _| written += 1);
    assert_eq!(written, 2);
}

#[test]
fn another_topic_id_is_a_loss_once_records_were_applied() {
    let mut engine = Engine::new(Arc::default(), Timestamp(0));
    let mut offsets = SourceOffsets::default();
    let source = source();
    offsets.add(&source, engine.only_partition());
    let id = |id: &str| [(Arc::clone(&source.topic), id.to_owned())];
    assert_eq!(offsets.set_topic_ids(&id("one")), Ok(()));
    assert_eq!(
        offsets.set_topic_ids(&id("two")),
        Ok(()),
        "no record was applied"
    );
    offsets.advance(&record(&source, 0, "a"));
    assert_eq!(offsets.set_topic_ids(&id("two")), Ok(()));
    let expected = RecordsLost::new(&source, Loss::Recreated { next: 1 });
    assert_eq!(offsets.set_topic_ids(&id("three")), Err(expected.clone()));

    // The store has the topic ID.
    let mut offsets = stored(&mut offsets).restore(&engine).unwrap();
    assert_eq!(offsets.set_topic_ids(&id("two")), Ok(()));
    assert_eq!(offsets.set_topic_ids(&id("three")), Err(expected));
    // A store without a topic ID takes the first one.
    let mut stored = StoredOffsets::default();
    let old = br#"{"topic":"tickets","partition":0,"next":7,"anchor":null}"#;
    stored.add(&[KEY, 0, 0], Some(old)).unwrap();
    let mut offsets = stored.restore(&engine).unwrap();
    let tickets = [("tickets".into(), "one".to_owned())];
    assert_eq!(offsets.set_topic_ids(&tickets), Ok(()));
    let other = [("tickets".into(), "two".to_owned())];
    assert!(offsets.set_topic_ids(&other).is_err());
}
