//! Members that join and leave, and topics that appear.

use super::*;

/// Two instances, each with its own offsets, as in two checkpoints.
#[test]
fn a_second_member_takes_partitions_and_returns_them() {
    let broker = EmbeddedBroker::start(&[("tickets", 8)]).unwrap();
    publish(&broker, "tickets", 0..50_000);
    let settings = settings(&broker, &["tickets"]);
    let (mut first, mut second) = (Reader::default(), Reader::default());
    let mut one = Consumer::start(&settings).unwrap();
    first.until(&mut one, |reader, _| reader.count() >= 10_000);

    let mut two = Consumer::start(&settings).unwrap();
    let start = Instant::now();
    let mut published = 50_000;
    while first.assigned.len() != 4 || second.assigned.len() != 4 {
        assert!(start.elapsed() < PATIENCE, "{:?}", first.assigned);
        first.step(&mut one);
        second.step(&mut two);
        // The readers check order, gaps and repetitions during the rebalance.
        publish(&broker, "tickets", published..published + 100);
        published += 100;
    }
    assert_eq!(first.revoked.len(), 4, "cooperative: only what moves");
    let caught_up = |consumer: &Consumer, reader: &Reader| {
        reader.assigned.iter().all(|one| consumer.read_to_end(one))
    };
    while !caught_up(&one, &first) || !caught_up(&two, &second) {
        assert!(start.elapsed() < PATIENCE);
        first.step(&mut one);
        second.step(&mut two);
    }
    let mut union: Vec<u64> = first.sorted();
    union.extend(second.sorted());
    union.sort_unstable();
    union.dedup();
    assert_eq!(union, (0..published).collect::<Vec<_>>());

    drop(two);
    publish(&broker, "tickets", published..published + 10_000);
    published += 10_000;
    let total = usize::try_from(published).unwrap();
    // The first instance continues at its own offsets, and reads the records that the second has read.
    first.until(&mut one, |reader, _| reader.count() == total);
    assert_eq!(first.assigned.len(), 8);
    assert_eq!(first.sorted(), (0..published).collect::<Vec<_>>());
}

#[test]
fn members_that_join_and_leave_all_the_time_lose_nothing() {
    let broker = EmbeddedBroker::start(&[("tickets", 6)]).unwrap();
    let settings = settings(&broker, &["tickets"]);
    let mut reader = Reader::default();
    let mut consumer = Consumer::start(&settings).unwrap();
    let mut published = 0;
    for round in 0..8 {
        publish(&broker, "tickets", published..published + 5_000);
        published += 5_000;
        let mut guest = Consumer::start(&settings).unwrap();
        let mut visitor = Reader::default();
        let start = Instant::now();
        while visitor.assigned.is_empty() && start.elapsed() < PATIENCE {
            reader.step(&mut consumer);
            visitor.step(&mut guest);
        }
        assert!(!visitor.assigned.is_empty(), "round {round}");
        drop(guest);
    }
    let total = usize::try_from(published).unwrap();
    reader.until(&mut consumer, |reader, _| reader.count() == total);
    assert_eq!(reader.sorted(), (0..published).collect::<Vec<_>>());
}

#[test]
fn the_eager_protocol_works_as_well() {
    let broker = EmbeddedBroker::start(&[("tickets", 4)]).unwrap();
    publish(&broker, "tickets", 0..5_000);
    let mut settings = settings(&broker, &["tickets"]);
    let properties = &mut settings.connection.properties;
    properties.insert("partition.assignment.strategy".into(), "range".into());
    let mut reader = Reader::default();
    let mut consumer = Consumer::start(&settings).unwrap();
    reader.until(&mut consumer, |reader, _| reader.count() == 5_000);
    let mut guest = Consumer::start(&settings).unwrap();
    let mut visitor = Reader::default();
    let start = Instant::now();
    while visitor.assigned.len() != 2 || reader.assigned.len() != 2 {
        assert!(start.elapsed() < PATIENCE);
        reader.step(&mut consumer);
        visitor.step(&mut guest);
    }
    drop(guest);
    publish(&broker, "tickets", 5_000..6_000);
    reader.until(&mut consumer, |reader, _| reader.count() == 6_000);
    assert_eq!(reader.sorted(), (0..6_000).collect::<Vec<_>>());
}

#[test]
fn a_topic_that_appears_later_is_read() {
    let broker = EmbeddedBroker::start(&[("tickets", 2)]).unwrap();
    let mut settings = settings(&broker, &["tickets", "later"]);
    let properties = &mut settings.connection.properties;
    properties.insert("topic.metadata.refresh.interval.ms".into(), "500".into());
    let mut reader = Reader::default();
    let mut consumer = Consumer::start(&settings).unwrap();
    reader.until(&mut consumer, |reader, _| {
        reader.assigned.len() == 2 && !reader.troubles.is_empty()
    });
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        reader.step(&mut consumer);
    }
    assert_eq!(reader.troubles.len(), 1, "{:?}", reader.troubles);
    assert!(
        reader.troubles[0].to_string().contains("later"),
        "{:?}",
        reader.troubles
    );
    broker.create_topic("later", 3).unwrap();
    publish(&broker, "later", 0..100);
    reader.until(&mut consumer, |reader, _| reader.count() == 100);
    assert_eq!(reader.assigned.len(), 5);
}

#[test]
fn leaving_before_the_first_read_does_not_hang() {
    let broker = EmbeddedBroker::start(&[("tickets", 2)]).unwrap();
    let mut consumer = Consumer::start(&settings(&broker, &["tickets"])).unwrap();
    let start = Instant::now();
    while !matches!(consumer.next(TICK), ConsumerEvent::Assigned(_)) {
        assert!(start.elapsed() < PATIENCE);
    }
    let start = Instant::now();
    drop(consumer);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}
