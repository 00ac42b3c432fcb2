//! The consumer: batches of records from the partitions assigned to this instance, each
//! partition in order, from the offsets that the caller holds. The group's committed offsets
//! are written for lag tools and never read.
//!
//! Why no record is lost, repeated or reordered: every partition's queue is forwarded to one
//! private queue before the partition is assigned, so its records take one way only. On every
//! rebalance the library pauses and resumes all partitions at what it believes was read; they
//! are then put to our own positions, which makes what it still holds outdated. Offsets below
//! our position are refused. Nothing else moves a position.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::{Equivalent, HashMap};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, RebalanceProtocol};
use rdkafka::error::KafkaResult;
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::client_identity::Outlook;
use super::client_properties::start_error;
use super::consumer_callbacks::{ClientEvent, ConsumerCallbacks, LeaderConnection, PartitionState};
use super::end_offset_requests::Questions;
use super::error_explainer::{KafkaErrorExplainer, missing_topics};
use super::missing_topics::MissingTopics;
use super::oauth_tokens::TokenKeeper;
use super::progress::{EndStatus, PartitionProgress};
use super::queue::{
    EndOffsets, PrivateQueue, TopicConfigs, TopicDescriptions, TopicIds, cached_watermarks,
    set_token, taken_up_to,
};
use super::record_batch::{BatchEntry, RecordBatch};
use super::{ConsumerSettings, KafkaProblem, StartError, TopicPartition};

/// How long one wait for records may keep rebalances and errors waiting.
const EVENT_LATENCY: Duration = Duration::from_millis(50);

/// How long a member takes to give its partitions back and to leave its group.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// Time between two looks at positions and ends, which cost some time for each partition.
const SETTLE_INTERVAL: Duration = Duration::from_millis(50);

/// How long new partitions wait for the ids of their topics. Brokers before Kafka 2.8 have none.
const IDENTIFICATION_PATIENCE: Duration = Duration::from_secs(2);

/// Who is refused is told so again within this time: refused connections are tried every two
/// seconds.
const REFUSAL_VALIDITY: Duration = Duration::from_secs(5);

/// What came.
#[derive(Debug)]
pub enum ConsumerEvent<'a> {
    /// Records, at least one.
    Records(RecordBatch<'a>),
    /// New partitions: answer with [`Consumer::start_reading`], until then nothing is read from them and
    /// no other rebalance goes on.
    Assigned(Vec<TopicPartition>),
    /// These partitions belong to another instance now, or to none. No record of them follows.
    Revoked(Vec<TopicPartition>),
    Problem(KafkaProblem),
    /// Names of topics that exist, and their ids, from time to time, and before
    /// [`Self::Assigned`]. Another id is another topic.
    Identified(Vec<(Arc<str>, String)>),
    /// The records of these partitions come from another leader, or over another connection, since
    /// a moment ago: their logs may be others.
    Reconnected(Vec<TopicPartition>),
    /// Nothing within the time given.
    Idle,
}

/// What becomes of the records of the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeldRecords {
    /// They were taken.
    Nothing,
    /// They wait, and with them everything behind them.
    Waiting,
    /// They come again.
    Again,
}

/// A Kafka consumer with the caller's offsets.
pub struct Consumer {
    // First: gives its handle back before the client goes.
    queue: PrivateQueue,
    topic_ids: TopicIds,
    topic_configs: Option<TopicConfigs>,
    questions: EndOffsetRequests,
    client: Arc<BaseConsumer<ConsumerCallbacks>>,
    /// `None`: the login needs none.
    tokens: Option<TokenRefresher>,
    outlook: ClientIdentity,
    topics: Vec<String>,
    missing: MissingTopicDetector,
    /// Every partition ever assigned; its place is its index in [`KafkaRecord::index`].
    known: Vec<TopicPartition>,
    index: HashMap<TopicPartition, usize>,
    /// By index; `None` where not assigned now.
    progress: Vec<Option<PartitionProgress>>,
    /// By index, as the statistics last told.
    links: Vec<Option<LeaderConnection>>,
    entries: Vec<BatchEntry>,
    held: HeldRecords,
    events: VecDeque<ClientEvent>,
    waiting: Vec<TopicPartition>,
    /// While new partitions wait for the ids of their topics: until when, and for which answer.
    identifying: Option<(Instant, u64)>,
    reconnected: Vec<TopicPartition>,
    /// When the last statistics were looked at.
    statistics: Option<Instant>,
    next_settling: Instant,
    troubles: KafkaErrorExplainer,
    news: VecDeque<KafkaProblem>,
    /// When we were last refused.
    refused: Option<Instant>,
}

impl Consumer {
    /// Joins the group. Nothing is waited for: whatever keeps the brokers away comes as
    /// [`ConsumerEvent::Problem`].
    ///
    /// # Errors
    /// Properties that are refused.
    pub fn start(settings: &ConsumerSettings) -> Result<Self, StartError> {
        let config = settings.consumer()?;
        let client: BaseConsumer<ConsumerCallbacks> = config
            .create_with_context(ConsumerCallbacks::default())
            .map_err(start_error)?;
        let client = Arc::new(client);
        let queue = PrivateQueue::new(Arc::clone(&client))
            .ok_or_else(|| StartError::Client("no queue".to_owned()))?;
        let topic_ids = TopicIds::new(Arc::clone(&client), &settings.topics)
            .ok_or_else(|| StartError::Client("no queue".to_owned()))?;
        let ends = EndOffsets::new(Arc::clone(&client))
            .ok_or_else(|| StartError::Client("no queue".to_owned()))?;
        let tokens = settings.connection.tokens().map(|oauth| {
            let (weak, extensions) = (Arc::downgrade(&client), oauth.extensions.clone());
            TokenRefresher::start(oauth, move |token| {
                let client = weak.upgrade()?;
                Some(set_token(client.client(), token, &extensions))
            })
        });
        let topics: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
        client.subscribe(&topics).map_err(start_error)?;
        Ok(Self {
            queue,
            topic_ids,
            topic_configs: None,
            questions: EndOffsetRequests::new(ends),
            client,
            tokens,
            outlook: ClientIdentity::new(&config, &settings.topics, false),
            topics: settings.topics.clone(),
            missing: MissingTopicDetector::default(),
            known: Vec::new(),
            index: HashMap::new(),
            progress: Vec::new(),
            links: Vec::new(),
            entries: Vec::new(),
            held: HeldRecords::Nothing,
            events: VecDeque::new(),
            waiting: Vec::new(),
            identifying: None,
            reconnected: Vec::new(),
            statistics: None,
            next_settling: Instant::now(),
            troubles: KafkaErrorExplainer::default(),
            news: VecDeque::new(),
            refused: None,
        })
    }

    /// The next thing that happens, waiting up to `timeout`. To be called at least once in
    /// `max.poll.interval.ms` (5 minutes), or the group takes the partitions away.
    pub fn next(&mut self, timeout: Duration) -> ConsumerEvent<'_> {
        let deadline = Instant::now() + timeout;
        loop {
            self.poll();
            if let Some(step) = self.event() {
                return step;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.held {
                HeldRecords::Nothing => {}
                HeldRecords::Again if self.entries.is_empty() => self.held = HeldRecords::Nothing,
                HeldRecords::Again => {
                    self.held = HeldRecords::Nothing;
                    break;
                }
                HeldRecords::Waiting if left.is_zero() => return ConsumerEvent::Idle,
                HeldRecords::Waiting => {
                    std::thread::sleep(left.min(EVENT_LATENCY));
                    continue;
                }
            }
            let drained = self.queue.take(left.min(EVENT_LATENCY));
            self.sort_out();
            if drained {
                for progress in self.progress.iter_mut().flatten() {
                    progress.drained();
                }
            }
            self.settle();
            if !self.entries.is_empty() {
                break;
            }
            if let Some(trouble) = self.news.pop_front() {
                return ConsumerEvent::Problem(trouble);
            }
            if left.is_zero() {
                return ConsumerEvent::Idle;
            }
        }
        ConsumerEvent::Records(RecordBatch::new(&self.queue, &self.known, &self.entries))
    }

    /// Keeps the records of the last step that were not taken, all but the first `taken` of them.
    /// Until [`Self::resume`] nothing is read, and no partition counts as read to its end;
    /// rebalances and troubles go on.
    pub fn hold(&mut self, taken: usize) {
        self.entries.drain(..taken.min(self.entries.len()));
        self.held = HeldRecords::Waiting;
    }

    /// Gives the records held once more, and goes on reading.
    pub fn resume(&mut self) {
        if self.held == HeldRecords::Waiting {
            self.held = HeldRecords::Again;
        }
    }

    /// Starts reading the partitions of the last [`ConsumerEvent::Assigned`]. `start` gives the offset of
    /// the first record wanted; `None` is the beginning of the partition.
    pub fn start_reading(&mut self, mut start: impl FnMut(&TopicPartition) -> Option<i64>) {
        let partitions = std::mem::take(&mut self.waiting);
        self.pass_control_records();
        let taken = taken_up_to(&self.client, partitions.iter());
        let now = Instant::now();
        let mut list = TopicPartitionList::new();
        for (place, partition) in partitions.iter().enumerate() {
            let next = start(partition);
            self.queue.forward(partition);
            let index = self.index_of(partition);
            let taken = taken.get(place).copied().flatten();
            self.progress[index] = Some(PartitionProgress::begin(next, taken, now));
            self.links[index] = None;
            add(&mut list, partition, next);
        }
        self.questions.hurry();
        self.next_settling = Instant::now();
        self.assign(&list);
        self.realign(|partition| !partitions.contains(partition));
    }

    /// Reads an assigned partition from another offset; `None` is its beginning. The way out of
    /// [`KafkaProblem::OutOfRange`]. The caller's state of the partition has to fit.
    pub fn restart_at(&mut self, partition: &TopicPartition, start: Option<i64>) {
        if !self.move_to(partition, start) {
            return;
        }
        // A fetcher that gave up cannot be put elsewhere; it has to be stopped and started.
        if self.is_cooperative() {
            let mut list = TopicPartitionList::new();
            add(&mut list, partition, start);
            note(self.client.incremental_unassign(&list));
            note(self.client.incremental_assign(&list));
        } else {
            let mut list = TopicPartitionList::new();
            for (other, progress) in self.known.iter().zip(&self.progress) {
                if let Some(progress) = progress {
                    add(&mut list, other, progress.next);
                }
            }
            note(self.client.assign(&list));
        }
        for other in self.assigned() {
            self.queue.forward(other);
        }
    }

    /// The configured topics.
    pub fn topics(&self) -> &[String] {
        &self.topics
    }

    /// Topics that have none of all these partitions, and so do not exist.
    pub fn topics_without<'a>(&'a self, partitions: &[TopicPartition]) -> Vec<&'a str> {
        let has_none = |topic: &&str| partitions.iter().all(|one| *one.topic != **topic);
        let topics = self.topics.iter().map(String::as_str);
        topics.filter(has_none).collect()
    }

    /// Configured topics that do not exist, by several answers of the brokers.
    pub fn missing_topics(&self) -> impl Iterator<Item = &str> {
        self.missing.iter()
    }

    /// The reason why nothing can be read, in the words of the last [`ConsumerEvent::Problem`]; `None` while
    /// everything assigned can be read.
    pub fn problem(&self) -> Option<&str> {
        self.troubles.current().filter(|_| !self.can_read())
    }

    /// Has the log warn, once, of topics whose set-up does not fit an exact count.
    pub fn watch_topic_configs(&mut self) {
        self.topic_configs = TopicConfigs::new(Arc::clone(&self.client), &self.topics);
    }

    /// Gives the membership up for good, within about a second. A member with an id of its own
    /// otherwise keeps its partitions until its session has timed out.
    pub fn leave_group(&mut self) {
        self.decline();
        self.client.unsubscribe();
        let begun = Instant::now();
        while begun.elapsed() < LEAVE_TIMEOUT {
            self.poll();
            std::thread::sleep(EVENT_LATENCY);
        }
    }

    /// Takes no partitions any more: leaving the group waits for an answer to every assignment.
    fn decline(&mut self) {
        self.client.context().close();
        let unanswered = !self.waiting.is_empty()
            || self
                .events
                .drain(..)
                .chain(self.client.context().take())
                .any(|event| matches!(event, ClientEvent::Assign(_)));
        if unanswered {
            self.waiting.clear();
            self.assign(&TopicPartitionList::new());
        }
    }

    /// Reads an assigned partition once more from an offset before its position. Records held of it
    /// come again with the others.
    pub fn reread_from(&mut self, partition: &TopicPartition, from: i64) {
        if self.move_to(partition, Some(from)) {
            let known = &self.known;
            self.entries
                .retain(|entry| known[entry.index] != *partition);
            self.seek(|one| one == partition);
        }
    }

    /// Puts our position of a partition elsewhere; `false` where it is not assigned.
    fn move_to(&mut self, partition: &TopicPartition, next: Option<i64>) -> bool {
        self.pass_control_records();
        let taken = taken_up_to(&self.client, std::iter::once(partition));
        let taken = taken.first().copied().flatten();
        let Some(&index) = self.index.get(partition) else {
            return false;
        };
        let Some(progress) = &mut self.progress[index] else {
            return false;
        };
        progress.read_again(next, taken, Instant::now());
        self.questions.hurry();
        self.next_settling = Instant::now();
        true
    }

    /// Writes the group's offsets, for lag tools. Not waited for; an error is logged.
    pub fn commit<'p>(&self, offsets: impl IntoIterator<Item = (&'p TopicPartition, i64)>) {
        let mut list = TopicPartitionList::new();
        for (partition, next) in offsets {
            if self.progress_of(partition).is_some() {
                add(&mut list, partition, Some(next));
            }
        }
        if list.count() > 0
            && let Err(error) = self.client.commit(&list, CommitMode::Async)
        {
            tracing::debug!(%error, "group offsets not committed");
        }
    }

    /// The partitions that are read now: assigned and begun.
    pub fn assigned(&self) -> impl Iterator<Item = &TopicPartition> {
        self.known
            .iter()
            .zip(&self.progress)
            .filter(|(_, progress)| progress.is_some())
            .map(|(partition, _)| partition)
    }

    /// Offset after the last record handed out and the control records behind it, or the start
    /// given; `None` before the first record from the beginning, for partitions not assigned, and
    /// while records are held.
    pub fn position(&self, partition: &TopicPartition) -> Option<i64> {
        self.progress_of(partition)
            .filter(|_| self.held == HeldRecords::Nothing)?
            .next
    }

    /// First and end offset of a partition, as last heard; `None` while no fetch has been answered.
    pub fn cached_watermarks(&self, partition: &TopicPartition) -> Option<(i64, i64)> {
        cached_watermarks(&self.client, partition)
    }

    /// The same as the partition's leader says now, which an answer to a fetch out of range does
    /// not. Waits for it up to `timeout`; `None` where there is no answer.
    pub fn fetch_watermarks(
        &self,
        partition: &TopicPartition,
        timeout: Duration,
    ) -> Option<(i64, i64)> {
        let (topic, number) = (&partition.topic, partition.partition);
        self.client.fetch_watermarks(topic, number, timeout).ok()
    }

    /// Every partition of the topics, whoever reads it, as the brokers say now; topics that do not
    /// exist have none. Waits for the answer up to `timeout`; `None` where there is none.
    pub fn partitions(&self, timeout: Duration) -> Option<Vec<TopicPartition>> {
        let mut partitions = Vec::new();
        for topic in &self.topics {
            let metadata = self.client.fetch_metadata(Some(topic), timeout).ok()?;
            for found in metadata.topics() {
                let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
                if found.error() == Some(refused) {
                    // Not one that does not exist: without it nothing is complete.
                    return None;
                }
                let name: Arc<str> = found.name().into();
                let numbers = found.partitions().iter().map(|partition| partition.id());
                partitions
                    .extend(numbers.map(|number| TopicPartition::new(Arc::clone(&name), number)));
            }
        }
        Some(partitions)
    }

    /// Records between the position, or the first record held, and the last stable offset that the
    /// leader last told; `None` while it has not.
    pub fn lag(&self, partition: &TopicPartition) -> Option<i64> {
        let progress = self.progress_of(partition)?;
        let lag = progress.lag(self.low(partition))?;
        Some(lag + self.records_held(partition, progress.next))
    }

    /// From the first record held to the position.
    fn records_held(&self, partition: &TopicPartition, position: Option<i64>) -> i64 {
        if self.held == HeldRecords::Nothing {
            return 0;
        }
        let first = self
            .entries
            .iter()
            .find(|entry| self.known[entry.index] == *partition)
            .map(|entry| self.queue.message(entry.message).offset());
        first.zip(position).map_or(0, |(first, next)| next - first)
    }

    /// What is known of a partition's end: up to which moment everything was handed out, and what
    /// an open transaction hides. Nothing while records are held.
    pub fn end_status(&self, partition: &TopicPartition) -> EndStatus {
        let progress = self.progress_of(partition);
        progress
            .filter(|_| self.held == HeldRecords::Nothing)
            .map(|progress| progress.reached(Instant::now()))
            .unwrap_or_default()
    }

    /// Whether everything that could be read was handed out, as of some seconds ago at the most:
    /// `false` while the leader does not answer. Certain also after transactions, compaction and in
    /// empty partitions. What an open transaction hides cannot be read.
    pub fn read_to_end(&self, partition: &TopicPartition) -> bool {
        self.end_status(partition).read_to_end
    }

    /// Whether the brokers let us read what is assigned, as far as is known: they answer, and have
    /// refused nothing lately.
    pub fn can_read(&self) -> bool {
        let lately = |at: Instant| at.elapsed() < REFUSAL_VALIDITY;
        let mut assigned = self.progress.iter().flatten().peekable();
        assigned.peek().is_some()
            && !self.refused.is_some_and(lately)
            && self.statistics.is_some_and(lately)
            && assigned.all(PartitionProgress::is_admitted)
    }

    fn progress_of(&self, partition: &TopicPartition) -> Option<&PartitionProgress> {
        self.progress[*self.index.get(partition)?].as_ref()
    }

    fn index_of(&mut self, partition: &TopicPartition) -> usize {
        if let Some(&index) = self.index.get(partition) {
            return index;
        }
        let index = self.known.len();
        self.known.push(partition.clone());
        self.progress.push(None);
        self.links.push(None);
        self.index.insert(partition.clone(), index);
        index
    }

    /// Serves what the library has to say, other than records.
    fn poll(&mut self) {
        loop {
            let served = self.client.context().served();
            match self.client.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    // Forwarding leaves no way here. Should one come nevertheless, read again
                    // from our position on the proper way.
                    tracing::warn!("record outside the private queue, reading it again");
                    let (topic, partition) = (message.topic().to_owned(), message.partition());
                    drop(message);
                    self.realign(|other| *other.topic == topic && other.partition == partition);
                }
                // Errors were noted by the context.
                Some(Err(_)) => {}
                None if served == self.client.context().served() => break,
                None => {}
            }
        }
        self.events.extend(self.client.context().take());
        self.look_at_tokens();
        if let Some(configs) = &mut self.topic_configs {
            for (topic, settings) in configs.poll() {
                for concern in settings.concerns() {
                    tracing::warn!(%topic, %concern, "the topic does not fit an exact count");
                }
            }
        }
        self.look_at_leaders();
    }

    /// Takes the answers of partition leaders.
    fn look_at_leaders(&mut self) {
        while let Some(told) = self.questions.answer() {
            for (partition, offset) in told.offsets {
                if let Some(&index) = self.index.get(&partition)
                    && let Some(progress) = &mut self.progress[index]
                {
                    progress.answer(told.end, told.asked, offset);
                }
            }
        }
    }

    /// Asks those leaders for their ends whose turn it is.
    fn ask_leaders(&mut self, now: Instant) {
        let mut due: HashMap<Option<i32>, Vec<usize>> = HashMap::new();
        for (index, progress) in self.progress.iter_mut().enumerate() {
            if let Some(progress) = progress
                && self.questions.is_due(progress.leader, now)
            {
                progress.ask(now);
                due.entry(progress.leader).or_default().push(index);
            }
        }
        for (leader, indexes) in due {
            let partitions = indexes.iter().map(|index| &self.known[*index]);
            self.questions.ask(leader, &partitions, now);
        }
    }

    /// Asks leaders for ends, and looks how far the ends that they told have been reached.
    fn settle(&mut self) {
        let now = Instant::now();
        if now < self.next_settling {
            return;
        }
        self.next_settling = now + SETTLE_INTERVAL;
        self.ask_leaders(now);
        self.pass_control_records();
        for (partition, progress) in self.known.iter().zip(&mut self.progress) {
            if let Some(progress) = progress {
                let low = match progress.next {
                    Some(_) => None,
                    None => cached_watermarks(&self.client, partition).map(|(low, _)| low),
                };
                progress.prove(low);
            }
        }
    }

    /// Moves positions behind the control records that were taken from the queue.
    fn pass_control_records(&mut self) {
        let taken = taken_up_to(&self.client, self.assigned());
        let assigned = self.progress.iter_mut().flatten();
        for (progress, taken) in assigned.zip(taken) {
            progress.pass_control_records(taken);
        }
    }

    /// The first offset of a partition, as last heard.
    fn low(&self, partition: &TopicPartition) -> Option<i64> {
        cached_watermarks(&self.client, partition).map(|(low, _)| low)
    }

    /// Whether the ids of topics are as of after the partitions that wait were assigned: what is
    /// read of another topic of the same name is noticed from the first record on.
    fn is_identified(&mut self) -> bool {
        let topic_ids = &mut self.topic_ids;
        let (deadline, answer) = *self.identifying.get_or_insert_with(|| {
            let answer = topic_ids.ask_soon();
            (Instant::now() + IDENTIFICATION_PATIENCE, answer)
        });
        let identified = topic_ids.answers() >= answer || Instant::now() >= deadline;
        if identified {
            self.identifying = None;
        }
        identified
    }

    /// The next event that is one for the caller.
    fn event(&mut self) -> Option<ConsumerEvent<'static>> {
        if let Some(described) = self.topic_ids.poll() {
            return Some(ConsumerEvent::Identified(self.take_description(described)));
        }
        while let Some(event) = self.events.pop_front() {
            match event {
                ClientEvent::Assign(partitions)
                    if !partitions.is_empty() && !self.is_identified() =>
                {
                    self.events.push_front(ClientEvent::Assign(partitions));
                    break;
                }
                ClientEvent::Assign(partitions) => {
                    self.waiting.clone_from(&partitions);
                    if !partitions.is_empty() {
                        return Some(ConsumerEvent::Assigned(partitions));
                    }
                    self.start_reading(|_| None);
                }
                ClientEvent::Revoked(partitions) => {
                    for partition in &partitions {
                        let index = self.index_of(partition);
                        self.progress[index] = None;
                    }
                    // What is held of them comes again to whoever reads them next.
                    let progress = &self.progress;
                    self.entries.retain(|entry| progress[entry.index].is_some());
                    self.realign(|_| true);
                    if !partitions.is_empty() {
                        return Some(ConsumerEvent::Revoked(partitions));
                    }
                }
                ClientEvent::Error(code, reason) => self.complain(code, &reason),
                ClientEvent::Statistics(states) => self.observe(states),
            }
        }
        if !self.reconnected.is_empty() {
            return Some(ConsumerEvent::Reconnected(std::mem::take(
                &mut self.reconnected,
            )));
        }
        self.news.pop_front().map(ConsumerEvent::Problem)
    }

    fn take_description(&mut self, described: TopicDescriptions) -> Vec<(Arc<str>, String)> {
        if described.answered {
            let earlier: Vec<String> = self.missing.iter().map(str::to_owned).collect();
            for topic in self.missing.observe(described.missing) {
                let trouble = KafkaProblem::Retrying(missing_topics(&[&topic]));
                self.admit(trouble, Instant::now());
            }
            for topic in earlier {
                if !self.missing.iter().any(|missing| missing == topic) {
                    self.troubles.forget(&missing_topics(&[&topic]));
                }
            }
        }
        described.identified
    }

    fn complain(&mut self, code: RDKafkaErrorCode, reason: &str) {
        let now = Instant::now();
        let fatal = self.client.client().fatal_error();
        let fenced = fatal.is_some_and(|(code, _)| {
            matches!(
                code,
                RDKafkaErrorCode::FencedInstanceId | RDKafkaErrorCode::UnreleasedInstanceId
            )
        });
        let trouble = if fenced {
            Some(KafkaProblem::Fenced(format!(
                "another member of the consumer group {} has the id of this one: itself before an \
                 outage, or an exporter on a copy of its checkpoint directory",
                self.outlook.group
            )))
        } else {
            if let Some(tokens) = &self.tokens {
                self.outlook.token_principal = tokens.principal();
            }
            self.troubles.explain(code, reason, &self.outlook, now)
        };
        if let Some(trouble) = trouble {
            self.admit(trouble, now);
        }
    }

    fn admit(&mut self, trouble: KafkaProblem, now: Instant) {
        if matches!(trouble, KafkaProblem::Refused(_)) {
            self.refused = Some(now);
        }
        self.news.extend(self.troubles.admit(trouble, now));
    }

    /// Says why there is no token.
    fn look_at_tokens(&mut self) {
        let failure = self.tokens.as_ref().and_then(TokenRefresher::failure);
        if let Some(reason) = failure {
            let trouble = KafkaProblem::Refused(no_token(&reason));
            self.admit(trouble, Instant::now());
        }
    }

    fn observe(&mut self, states: Vec<(TopicPartition, PartitionState)>) {
        self.statistics = Some(Instant::now());
        if self.can_read() {
            self.troubles.forget_current();
        }
        for (partition, state) in states {
            let Some(&index) = self.index.get(&partition) else {
                continue;
            };
            if let Some(progress) = &mut self.progress[index] {
                progress.observe(state.fetch);
                if let Some(link) = state.link {
                    progress.leader = Some(link.leader);
                    let earlier = self.links[index].replace(link);
                    if earlier.is_some_and(|earlier| earlier.differs_from(link)) {
                        self.reconnected.push(partition.clone());
                    }
                }
                if !progress.received() {
                    // Stopping a fetcher clears its forwarding, on another thread. What was
                    // fetched meanwhile waits in the partition's queue and comes along now.
                    self.queue.forward(&partition);
                }
            }
        }
    }

    /// Finds the records of the batch, and the errors in it.
    fn sort_out(&mut self) {
        self.entries.clear();
        let mut errors = Vec::new();
        let mut run = None;
        for (number, message) in self.queue.messages().enumerate() {
            if message.error() != 0 {
                errors.push(number);
                continue;
            }
            // Records of one fetch lie together: look the partition up once a run.
            let place = (message.topic_identity(), message.partition());
            let index = match run {
                Some((same, index)) if same == place => index,
                _ => {
                    let key = PartitionKey(message.topic(), message.partition());
                    let index = self.index.get(&key).copied();
                    run = Some((place, index));
                    index
                }
            };
            if let Some(index) = index
                && let Some(progress) = &mut self.progress[index]
                && progress.accept(message.offset())
            {
                self.entries.push(BatchEntry {
                    message: number,
                    index,
                });
            }
        }
        for number in errors {
            self.sort_out_error(number);
        }
        if !self.entries.is_empty() {
            self.troubles.recovered();
        }
    }

    fn sort_out_error(&mut self, number: usize) {
        let message = self.queue.message(number);
        let code = RDKafkaRespErr::try_from(message.error())
            .map_or(RDKafkaErrorCode::Unknown, RDKafkaErrorCode::from);
        if code == RDKafkaErrorCode::AutoOffsetReset {
            let partition = TopicPartition::new(message.topic(), message.partition());
            let trouble = KafkaProblem::OutOfRange {
                position: message.offset(),
                available: cached_watermarks(&self.client, &partition),
                partition,
            };
            self.news.push_back(trouble);
            return;
        }
        let reason = String::from_utf8_lossy(message.value().unwrap_or_default()).into_owned();
        if code == RDKafkaErrorCode::TopicAuthorizationFailed {
            let partition = TopicPartition::new(message.topic(), message.partition());
            self.refuse(&partition);
            self.complain(code, &format!("{}: {reason}", partition.topic));
            return;
        }
        self.complain(code, &reason);
    }

    /// We may not read a partition any more: what was its end may be it no longer. The fetcher
    /// forgets it only by a seek.
    fn refuse(&mut self, partition: &TopicPartition) {
        let Some(&index) = self.index.get(partition) else {
            return;
        };
        let taken = taken_up_to(&self.client, std::iter::once(partition));
        let taken = taken.first().copied().flatten();
        if let Some(progress) = &mut self.progress[index]
            && progress.refuse(taken, Instant::now())
        {
            self.realign(|one| one == partition);
        }
    }

    /// Puts partitions to our own positions. What was fetched for them is outdated from here on.
    fn realign(&mut self, concerns: impl Fn(&TopicPartition) -> bool) {
        self.pass_control_records();
        self.seek(concerns);
    }

    fn seek(&mut self, concerns: impl Fn(&TopicPartition) -> bool) {
        let mut list = TopicPartitionList::new();
        for (partition, progress) in self.known.iter().zip(&mut self.progress) {
            if let Some(progress) = progress
                && concerns(partition)
            {
                progress.restarted();
                add(&mut list, partition, progress.next);
            }
        }
        if list.count() > 0
            // Without a timeout it is not waited for; the order of operations is kept.
            && let Err(error) = self.client.seek_partitions(list, Duration::ZERO)
        {
            tracing::warn!(%error, "partitions not put to their positions");
        }
    }

    fn assign(&self, list: &TopicPartitionList) {
        note(if self.is_cooperative() {
            self.client.incremental_assign(list)
        } else {
            self.client.assign(list)
        });
    }

    fn is_cooperative(&self) -> bool {
        matches!(
            self.client.rebalance_protocol(),
            RebalanceProtocol::Cooperative
        )
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.decline();
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Consumer")
            .field("group", &self.outlook.group)
            .field("assigned", &self.assigned().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// What it means that there is no token.
pub(super) fn no_token(reason: &str) -> String {
    format!(
        "no token for the login with Kafka ({reason}): asking again; check \
         kafka.sasl.oauth.token_url, client_id and client_secret_file"
    )
}

/// A [`TopicPartition`] to look up without owning it.
#[derive(Hash)]
struct PartitionKey<'a>(&'a str, i32);

impl Equivalent<TopicPartition> for PartitionKey<'_> {
    fn equivalent(&self, other: &TopicPartition) -> bool {
        self.1 == other.partition && *self.0 == *other.topic
    }
}

/// Adds a partition at an offset; `None` is its beginning.
fn add(list: &mut TopicPartitionList, partition: &TopicPartition, next: Option<i64>) {
    let offset = next.map_or(Offset::Beginning, Offset::Offset);
    note(list.add_partition_offset(&partition.topic, partition.partition, offset));
}

fn note(result: KafkaResult<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "assignment not changed");
    }
}
