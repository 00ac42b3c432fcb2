//! The consumer: batches of records from the partitions assigned to this instance. Each partition is in
//! order and starts at the caller's offset. The group's committed offsets are written for lag tools and
//! never read.
//!
//! **Why no record is lost, repeated or reordered.** The queue of every partition is forwarded to one
//! private queue before the partition is assigned, so its records arrive on one way only. On every
//! rebalance the library pauses all partitions and resumes them at the position that it assumes. The
//! consumer then seeks them to its own positions, which makes the messages that the library still holds
//! outdated. It rejects offsets below its position. Nothing else changes a position.

mod assigned_partitions; // the partitions and their progress
mod ends; // asks leaders for ends and compares positions with them
mod events; // rebalances, errors and statistics
mod messages; // records and errors from the private queue
mod positions; // moves positions
mod problems; // the problems to report
mod queries; // positions, ends and problems, for the caller
mod topics; // which topics exist, their ids and settings

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::topic_partition_list::TopicPartitionList;

use self::assigned_partitions::{AssignedPartitions, add};
use self::problems::ConsumerProblems;
use self::topics::ConsumerTopics;
use super::client_identity::ClientIdentity;
use super::client_properties::{ConsumerSettings, start_error};
use super::consumer_callbacks::{ClientEvent, ConsumerCallbacks};
use super::end_offset_requests::EndOffsetRequests;
use super::oauth_tokens::TokenRefresher;
use super::problem::KafkaProblem;
use super::queue::{ClientQueue, EndOffsets, PrivateQueue, TopicConfigs, TopicIds};
use super::record_batch::{BatchEntry, RecordBatch};
use super::start_error::StartError;
use super::topic_partition::TopicPartition;

/// How long one wait for records may delay rebalances and errors.
const EVENT_LATENCY: Duration = Duration::from_millis(50);

/// How long a member takes to give its partitions back and to leave its group.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// The result of [`Consumer::next`].
pub enum ConsumerEvent<'a> {
    /// At least one record.
    Records(RecordBatch<'a>),
    /// New partitions. Answer with [`Consumer::start_reading`]. Until then nothing is read from them,
    /// and no other rebalance proceeds.
    Assigned(Vec<TopicPartition>),
    /// The group took these partitions away. No record of them follows.
    Revoked(Vec<TopicPartition>),
    Problem(KafkaProblem),
    /// Names and ids of topics that exist: from time to time, and before [`Self::Assigned`]. If an id
    /// has changed, it is another topic.
    Identified(Vec<(Arc<str>, String)>),
    /// The records of these partitions now come from another leader or over another connection, so the
    /// broker may have another log.
    Reconnected(Vec<TopicPartition>),
    /// Nothing happened within the timeout.
    Idle,
}

/// The state of the records of the last batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeldRecords {
    /// The caller has taken all.
    None,
    /// The caller holds them; nothing more is read.
    Waiting,
    /// They are handed out again.
    Again,
}

/// A Kafka consumer that reads from the caller's offsets.
pub struct Consumer {
    queue: PrivateQueue,
    topics: ConsumerTopics,
    end_offsets: EndOffsetRequests,
    client: Arc<BaseConsumer<ConsumerCallbacks>>,
    partitions: AssignedPartitions,
    problems: ConsumerProblems,
    entries: Vec<BatchEntry>,
    held: HeldRecords,
    events: VecDeque<ClientEvent>,
    /// Partitions of the last [`ConsumerEvent::Assigned`], until reading starts.
    new: Vec<TopicPartition>,
    reconnected: Vec<TopicPartition>,
    /// The time of the last statistics.
    statistics: Option<Instant>,
    /// When to compare positions with ends again.
    next_comparison: Instant,
}

impl Consumer {
    /// Joins the group without waiting. Connection errors come as [`ConsumerEvent::Problem`].
    pub fn start(settings: &ConsumerSettings) -> Result<Self, StartError> {
        let config = settings.consumer()?;
        let client: BaseConsumer<ConsumerCallbacks> = config
            .create_with_context(ConsumerCallbacks::default())
            .map_err(start_error)?;
        let client = Arc::new(client);
        let queue = || ClientQueue::new(Arc::clone(&client)).ok_or(StartError::NoQueue);
        let ids = TopicIds::new(queue()?, &settings.topics);
        let tokens = TokenRefresher::start(&settings.connection, &client, |client| client.client());
        let topics: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
        client.subscribe(&topics).map_err(start_error)?;
        let identity = ClientIdentity::new(&config, &settings.topics, false);
        Ok(Self {
            queue: PrivateQueue::new(queue()?),
            topics: ConsumerTopics::new(settings.topics.clone(), ids),
            end_offsets: EndOffsetRequests::new(EndOffsets::new(queue()?)),
            partitions: AssignedPartitions::default(),
            problems: ConsumerProblems::new(identity, tokens),
            entries: Vec::new(),
            held: HeldRecords::None,
            events: VecDeque::new(),
            new: Vec::new(),
            reconnected: Vec::new(),
            statistics: None,
            next_comparison: Instant::now(),
            client,
        })
    }

    /// Waits up to `timeout` for the next event. Call it at least once in `max.poll.interval.ms` (5
    /// minutes), or the group takes the partitions away.
    pub fn next(&mut self, timeout: Duration) -> ConsumerEvent<'_> {
        let deadline = Instant::now() + timeout;
        loop {
            self.poll();
            if let Some(event) = self.next_event() {
                return event;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.held {
                HeldRecords::None => {}
                HeldRecords::Again if self.entries.is_empty() => self.held = HeldRecords::None,
                HeldRecords::Again => {
                    self.held = HeldRecords::None;
                    break;
                }
                HeldRecords::Waiting if left.is_zero() => return ConsumerEvent::Idle,
                HeldRecords::Waiting => {
                    std::thread::sleep(left.min(EVENT_LATENCY));
                    continue;
                }
            }
            let is_drained = self.queue.take(left.min(EVENT_LATENCY));
            self.read_messages();
            if is_drained {
                for progress in self.partitions.progress_mut() {
                    progress.drained();
                }
            }
            self.compare_ends();
            if !self.entries.is_empty() {
                break;
            }
            if let Some(problem) = self.problems.next() {
                return ConsumerEvent::Problem(problem);
            }
            if left.is_zero() {
                return ConsumerEvent::Idle;
            }
        }
        ConsumerEvent::Records(RecordBatch::new(
            &self.queue,
            self.partitions.known(),
            &self.entries,
        ))
    }

    /// Holds the records of the last batch after the first `taken`. Until [`Self::resume`] nothing is
    /// read, and no partition counts as read to its end. Rebalances and problems still come.
    pub fn hold(&mut self, taken: usize) {
        self.entries.drain(..taken.min(self.entries.len()));
        self.held = HeldRecords::Waiting;
    }

    /// Hands out the held records again and goes on reading.
    pub fn resume(&mut self) {
        if self.held == HeldRecords::Waiting {
            self.held = HeldRecords::Again;
        }
    }

    /// Logs one warning for each topic whose settings do not allow an exact count.
    pub fn warn_of_topic_settings(&mut self) {
        if let Some(queue) = ClientQueue::new(Arc::clone(&self.client)) {
            self.topics
                .watch_settings(|topics| TopicConfigs::new(queue, topics));
        }
    }

    /// Leaves the group for good, within about a second. A member with a fixed id would otherwise keep
    /// its partitions until its session has timed out.
    pub fn leave_group(&mut self) {
        self.decline_assignments();
        self.client.unsubscribe();
        let begun = Instant::now();
        while begun.elapsed() < LEAVE_TIMEOUT {
            self.poll();
            std::thread::sleep(EVENT_LATENCY);
        }
    }

    /// Accepts no more partitions. The client cannot leave the group while an assignment has no answer.
    fn decline_assignments(&mut self) {
        self.client.context().close();
        let has_unanswered = !self.new.is_empty()
            || self
                .events
                .drain(..)
                .chain(self.client.context().take())
                .any(|event| matches!(event, ClientEvent::Assign(_)));
        if has_unanswered {
            self.new.clear();
            self.assign(&TopicPartitionList::new());
        }
    }

    /// Commits offsets of the group, for lag tools, without waiting.
    pub fn commit<'p>(&self, offsets: impl IntoIterator<Item = (&'p TopicPartition, i64)>) {
        let mut list = TopicPartitionList::new();
        for (partition, next) in offsets {
            if self.partitions.get(partition).is_some() {
                add(&mut list, partition, Some(next));
            }
        }
        if list.count() > 0
            && let Err(error) = self.client.commit(&list, CommitMode::Async)
        {
            tracing::debug!(%error, "consumer group offsets not committed");
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.decline_assignments();
    }
}
