//! Lag and the end of a partition.

use super::*;

#[test]
fn empty_partitions_are_at_their_end() {
    let broker = EmbeddedBroker::start(&[("tickets", 3)]).unwrap();
    let mut consumer = Consumer::start(&settings(&broker, &["tickets"])).unwrap();
    let mut reader = Reader::default();
    reader.until(&mut consumer, |reader, consumer| {
        reader.assigned.len() == 3 && reader.assigned.iter().all(|one| consumer.read_to_end(one))
    });
    for partition in &reader.assigned {
        assert_eq!(consumer.lag(partition), Some(0));
        assert_eq!(consumer.position(partition), None);
    }
}

#[test]
fn the_end_is_never_reported_too_early() {
    let broker = EmbeddedBroker::start(&[("tickets", 4)]).unwrap();
    publish(&broker, "tickets", 0..40_000);
    let mut consumer = Consumer::start(&settings(&broker, &["tickets"])).unwrap();
    let mut reader = Reader::default();
    let expected: u64 = 40_000;
    reader.until(&mut consumer, |reader, consumer| {
        let begun = consumer.assigned().count() == 4;
        let at_end = begun && consumer.assigned().all(|one| consumer.read_to_end(one));
        if at_end {
            assert_eq!(reader.count() as u64, expected);
        }
        if begun {
            let lags: Option<i64> = consumer.assigned().map(|one| consumer.lag(one)).sum();
            if let Some(lag) = lags {
                assert_eq!(lag, 40_000 - i64::try_from(reader.count()).unwrap());
            }
        }
        at_end
    });
    publish(&broker, "tickets", 40_000..40_100);
    reader.until(&mut consumer, |reader, _| reader.count() == 40_100);
    reader.until(&mut consumer, |_, consumer| {
        consumer.assigned().all(|one| consumer.lag(one) == Some(0))
    });
}

#[test]
fn a_partition_that_returns_is_not_at_its_old_end() {
    let broker = EmbeddedBroker::start(&[("tickets", 2)]).unwrap();
    publish(&broker, "tickets", 0..1_000);
    let settings = settings(&broker, &["tickets"]);
    let mut reader = Reader::default();
    let mut consumer = Consumer::start(&settings).unwrap();
    reader.until(&mut consumer, |reader, consumer| {
        reader.count() == 1_000 && consumer.assigned().all(|one| consumer.read_to_end(one))
    });
    let mut guest = Consumer::start(&settings).unwrap();
    let mut visitor = Reader::default();
    let start = Instant::now();
    while visitor.assigned.is_empty() {
        assert!(start.elapsed() < PATIENCE);
        reader.step(&mut consumer);
        visitor.step(&mut guest);
    }
    let moved = visitor.assigned[0].clone();
    assert!(!consumer.read_to_end(&moved), "not ours now");
    assert_eq!(consumer.lag(&moved), None);
    publish(&broker, "tickets", 1_000..2_000);
    drop(guest);
    reader.until(&mut consumer, |reader, consumer| {
        let at_end = consumer.read_to_end(&moved);
        if at_end {
            let own = reader.values[&moved].len();
            let all = reader.next[&moved];
            assert!(own > 600 && own == usize::try_from(all).unwrap(), "{own}");
        }
        at_end
    });
}
