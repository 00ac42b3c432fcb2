//! Looks at brokers, topics and permissions, and reads a few records, without joining the consumer
//! group. It commits nothing and takes no partition away from a running exporter.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::metadata::{Metadata, MetadataTopic};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use super::client_identity::ClientIdentity;
use super::client_properties::{ConsumerSettings, start_error};
use super::consumer_callbacks::{ClientEvent, ConsumerCallbacks};
use super::error_explainer::KafkaErrorExplainer;
use super::oauth_tokens::TokenRefresher;
use super::problem::KafkaProblem;
use super::problem_text::{access_denied, no_token};
use super::queue::{
    AdminError, AllowedOperations, group_operations, topic_configs, topic_operations,
};
use super::record_batch::{KafkaRecord, RecordHeader};
use super::start_error::StartError;
use super::topic_partition::TopicPartition;
use super::topic_settings::TopicSettings;

/// Time between two requests while the coordinator of a group starts.
const COORDINATOR_PAUSE: Duration = Duration::from_millis(200);

/// How long one request waits before the events of the library are checked.
const STEP: Duration = Duration::from_millis(500);

/// Properties for reading a few records. Those of the consumer are for a backlog.
const FEW_RECORDS: &[(&str, &str)] = &[
    // It could make a rebalance skip a record, but an inspector joins no group.
    ("enable.partition.eof", "true"),
    ("queued.min.messages", "100"),
    ("queued.max.messages.kbytes", "4096"),
];

/// Why a check has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    #[error("the topic does not exist")]
    MissingTopic,
    /// An operator has to change something first; the text says what.
    #[error("{0}")]
    Refused(String),
    /// There is no answer in time; the text says why, if it is known.
    #[error("{0}")]
    NoAnswer(String),
}

/// The offsets of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetRange {
    pub partition: TopicPartition,
    /// Offset of the first record.
    pub begin: i64,
    /// Offset after the last record.
    pub end: i64,
}

pub struct Inspector {
    client: Arc<BaseConsumer<ConsumerCallbacks>>,
    /// `None`: the login needs no token.
    tokens: Option<TokenRefresher>,
    reader: ClientIdentity,
    writer: ClientIdentity,
    explainer: KafkaErrorExplainer,
    /// The last problem that an operator has to solve.
    refused: Option<String>,
    /// The last problem that may end by itself.
    retrying: Option<String>,
}

impl Inspector {
    /// Opens no connection yet.
    pub fn start(settings: &ConsumerSettings) -> Result<Self, StartError> {
        let mut config = settings.consumer()?;
        for (property, value) in FEW_RECORDS {
            config.set(*property, *value);
        }
        let client: BaseConsumer<ConsumerCallbacks> = config
            .create_with_context(ConsumerCallbacks::default())
            .map_err(start_error)?;
        let client = Arc::new(client);
        let tokens = TokenRefresher::start(&settings.connection, &client, |client| client.client());
        Ok(Self {
            client,
            tokens,
            reader: ClientIdentity::new(&config, &settings.topics, false),
            writer: ClientIdentity::new(&config, &[], true),
            explainer: KafkaErrorExplainer::default(),
            refused: None,
            retrying: None,
        })
    }

    /// Connects, logs in, and asks for the brokers' advertised addresses, as `host:port`.
    pub fn brokers(&mut self, deadline: Instant) -> Result<Vec<String>, InspectError> {
        let client = Arc::clone(&self.client);
        let topic = self.reader.topics.first().cloned();
        let topic = topic.as_deref(); // without a topic, the answer would list all topics
        self.ask(deadline, |wait| {
            Ok(addresses(&client.fetch_metadata(topic, wait)?))
        })
        .map_err(|error| self.explain(&error, "", false))
    }

    /// The partitions of a topic.
    pub fn partitions(
        &mut self,
        topic: &str,
        deadline: Instant,
    ) -> Result<Vec<TopicPartition>, InspectError> {
        let client = Arc::clone(&self.client);
        self.ask(deadline, |wait| {
            let metadata = client.fetch_metadata(Some(topic), wait)?;
            let found = metadata.topics().iter().find(|one| one.name() == topic);
            if let Some(error) = found.and_then(MetadataTopic::error) {
                return Err(KafkaError::MetadataFetch(error.into()));
            }
            let partitions = found.map_or(&[][..], |found| found.partitions()).iter();
            let partitions = partitions.map(|one| TopicPartition::new(topic, one.id()));
            Ok(partitions.collect())
        })
        .map_err(|error| self.explain(&error, topic, false))
    }

    /// Asks the leader of a partition for its offsets.
    pub fn offset_range(
        &mut self,
        partition: &TopicPartition,
        deadline: Instant,
    ) -> Result<OffsetRange, InspectError> {
        let client = Arc::clone(&self.client);
        let (topic, number) = (Arc::clone(&partition.topic), partition.partition);
        let (begin, end) = self
            .ask(deadline, |wait| {
                client.fetch_watermarks(&topic, number, wait)
            })
            .map_err(|error| self.explain(&error, &topic, false))?;
        Ok(OffsetRange {
            partition: partition.clone(),
            begin,
            end,
        })
    }

    /// The settings of a topic.
    pub fn settings(
        &mut self,
        topic: &str,
        deadline: Instant,
    ) -> Result<TopicSettings, InspectError> {
        let answer = topic_configs(&self.client, topic, left(deadline));
        let entries = answer.map_err(|error| {
            if error.code == RDKafkaErrorCode::TopicAuthorizationFailed {
                let grant = format!("--operation DescribeConfigs --topic {topic}");
                return InspectError::Refused(format!(
                    "Kafka does not show its settings: check cleanup.policy and retention.ms \
                     yourself, or grant DESCRIBE_CONFIGS: {}",
                    self.reader.grant_command(&grant)
                ));
            }
            self.explain(&error, topic, false)
        })?;
        let entries = entries.iter();
        let entries = entries.map(|(name, value)| (name.as_str(), value.as_str()));
        Ok(TopicSettings::read(entries))
    }

    /// Checks whether the exporter may read a topic.
    pub fn check_read(&mut self, topic: &str, deadline: Instant) -> Result<(), InspectError> {
        self.check_topic(topic, deadline, false, AllowedOperations::read)
    }

    /// Checks whether the exporter may write to a topic.
    pub fn check_write(&mut self, topic: &str, deadline: Instant) -> Result<(), InspectError> {
        self.check_topic(topic, deadline, true, AllowedOperations::write)
    }

    fn check_topic(
        &mut self,
        topic: &str,
        deadline: Instant,
        writes: bool,
        allows: impl FnOnce(&AllowedOperations) -> bool,
    ) -> Result<(), InspectError> {
        let operations = topic_operations(&self.client, topic, left(deadline))
            .map_err(|error| self.explain(&error, topic, writes))?;
        // Brokers without an authorizer, and old brokers, do not say.
        if operations.are_known() && !allows(&operations) {
            let error = AdminError::new(RDKafkaErrorCode::TopicAuthorizationFailed, topic);
            return Err(self.explain(&error, topic, writes));
        }
        Ok(())
    }

    /// Checks whether the exporter may join the configured group.
    pub fn check_group(&mut self, deadline: Instant) -> Result<(), InspectError> {
        let group = self.reader.group.clone();
        let operations = loop {
            match group_operations(&self.client, &group, left(deadline)) {
                // The group is new. Brokers say this only to clients that may use it.
                Err(error) if error.code == RDKafkaErrorCode::GroupIdNotFound => return Ok(()),
                // The first request about a group makes a new cluster create its coordinator.
                Err(error) if is_starting(error.code) && !left(deadline).is_zero() => {
                    thread::sleep(COORDINATOR_PAUSE.min(left(deadline)));
                }
                answer => break answer.map_err(|error| self.explain(&error, "", false))?,
            }
        };
        if operations.are_known() && !operations.read() {
            let error = AdminError::new(RDKafkaErrorCode::GroupAuthorizationFailed, group);
            return Err(self.explain(&error, "", false));
        }
        Ok(())
    }

    /// Passes the first records of some partitions of one topic to `take`, `most` of them at most.
    ///
    /// # Errors
    /// [`InspectError`], after which `take` may have had records.
    pub fn read(
        &mut self,
        ranges: &[OffsetRange],
        most: usize,
        deadline: Instant,
        take: &mut dyn FnMut(&KafkaRecord<'_>),
    ) -> Result<usize, InspectError> {
        let mut open: Vec<&OffsetRange> = ranges.iter().filter(|one| one.begin < one.end).collect();
        let topic = ranges.first().map_or("", |one| &*one.partition.topic);
        let mut list = TopicPartitionList::new();
        for one in &open {
            let (topic, number) = (&one.partition.topic, one.partition.partition);
            let added = list.add_partition_offset(topic, number, Offset::Beginning);
            added.map_err(|error| InspectError::NoAnswer(error.to_string()))?;
        }
        let assigned = self.client.assign(&list);
        assigned.map_err(|error| InspectError::NoAnswer(error.to_string()))?;
        let client = Arc::clone(&self.client);
        let mut taken = 0;
        let mut result = Ok(());
        while taken < most && !open.is_empty() {
            match client.poll(left(deadline).min(STEP)) {
                Some(Ok(message)) => {
                    let place = open
                        .iter()
                        .position(|one| one.partition.partition == message.partition());
                    if let Some(place) = place {
                        pass_on(&open[place].partition, &message, take);
                        taken += 1;
                        if message.offset() + 1 >= open[place].end {
                            open.remove(place);
                        }
                    }
                }
                // The client skips control records and aborted records; this shows their end.
                Some(Err(KafkaError::PartitionEOF(number))) => {
                    open.retain(|one| one.partition.partition != number);
                }
                Some(Err(error)) => {
                    if let Some(code) = error.rdkafka_error_code()
                        && code == RDKafkaErrorCode::TopicAuthorizationFailed
                    {
                        let error = AdminError::new(code, topic);
                        result = Err(self.explain(&error, topic, false));
                        break;
                    }
                }
                None => {}
            }
            self.note_events();
            if left(deadline).is_zero() {
                result = Err(self.no_answer());
                break;
            }
        }
        // An error would not matter: the records are read.
        let _ = self.client.assign(&TopicPartitionList::new());
        result.map(|()| taken)
    }

    /// Repeats a request until there is an answer, a refusal, or no time left.
    fn ask<T>(
        &mut self,
        deadline: Instant,
        mut request: impl FnMut(Duration) -> Result<T, KafkaError>,
    ) -> Result<T, AdminError> {
        loop {
            let begun = Instant::now();
            let answer = request(left(deadline).min(STEP).max(Duration::from_millis(1)));
            self.run_callbacks();
            self.note_events();
            let code = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error.rdkafka_error_code(),
            };
            let code = code.unwrap_or(RDKafkaErrorCode::Unknown);
            let is_final = matches!(
                code,
                RDKafkaErrorCode::UnknownTopicOrPartition
                    | RDKafkaErrorCode::UnknownTopic
                    | RDKafkaErrorCode::TopicAuthorizationFailed
                    | RDKafkaErrorCode::InvalidTopic
            );
            if is_final || self.refused.is_some() || left(deadline).is_zero() {
                return Err(AdminError::new(code, ""));
            }
            // Some errors come at once; do not repeat the request too fast.
            thread::sleep((STEP / 5).saturating_sub(begun.elapsed()));
        }
    }

    /// Runs the library's callbacks. No partition is assigned, so no record comes.
    fn run_callbacks(&self) {
        loop {
            let served = self.client.context().served();
            let nothing = self.client.poll(Duration::ZERO).is_none();
            if nothing && served == self.client.context().served() {
                return;
            }
        }
    }

    /// Notes the errors that the library reported.
    fn note_events(&mut self) {
        for event in self.client.context().take() {
            let ClientEvent::Error(code, reason) = event else {
                continue;
            };
            if code == RDKafkaErrorCode::GroupAuthorizationFailed {
                continue; // `check_group` finds it
            }
            if let Some(tokens) = &self.tokens {
                self.reader.token_principal = tokens.principal();
                self.writer.token_principal = tokens.principal();
            }
            let now = Instant::now();
            match self.explainer.explain(code, &reason, &self.reader, now) {
                Some(KafkaProblem::Refused(text)) => self.refused = Some(text),
                Some(problem) => self.retrying = Some(problem.to_string()),
                None => {}
            }
        }
        if let Some(reason) = self.tokens.as_ref().and_then(TokenRefresher::failure) {
            self.refused = Some(no_token(&reason));
        }
    }

    fn no_answer(&self) -> InspectError {
        match (&self.refused, &self.retrying) {
            (Some(text), _) => InspectError::Refused(text.clone()),
            (None, Some(text)) => InspectError::NoAnswer(text.clone()),
            (None, None) => InspectError::NoAnswer("the brokers do not answer in time".to_owned()),
        }
    }

    fn explain(&self, error: &AdminError, topic: &str, writes: bool) -> InspectError {
        let AdminError { code, text } = error;
        match *code {
            RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => {
                InspectError::MissingTopic
            }
            RDKafkaErrorCode::TopicAuthorizationFailed => {
                let identity = if writes { &self.writer } else { &self.reader };
                let mut identity = identity.clone();
                identity.topics = vec![topic.to_owned()];
                InspectError::Refused(access_denied(*code, topic, &identity))
            }
            RDKafkaErrorCode::GroupAuthorizationFailed => {
                InspectError::Refused(access_denied(*code, text, &self.reader))
            }
            _ if self.refused.is_some() || self.retrying.is_some() => self.no_answer(),
            _ if text.is_empty() => InspectError::NoAnswer(format!("Kafka reports: {code}")),
            _ => InspectError::NoAnswer(format!("Kafka reports: {code} ({text})")),
        }
    }
}

fn addresses(metadata: &Metadata) -> Vec<String> {
    let brokers = metadata.brokers().iter();
    let brokers = brokers.map(|broker| format!("{}:{}", broker.host(), broker.port()));
    brokers.collect()
}

fn pass_on(
    partition: &TopicPartition,
    message: &BorrowedMessage<'_>,
    take: &mut dyn FnMut(&KafkaRecord<'_>),
) {
    let list = message.headers();
    let headers: Vec<RecordHeader<'_>> = list
        .iter()
        .flat_map(|list| list.iter())
        .filter_map(|header| Some((header.key, header.value?)))
        .collect();
    take(&KafkaRecord {
        partition,
        index: 0,
        offset: message.offset(),
        timestamp: message.timestamp().to_millis(),
        key: message.key(),
        headers: &headers,
        value: message.payload(),
    });
}

/// Whether the coordinator of a group is starting.
fn is_starting(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::CoordinatorLoadInProgress
            | RDKafkaErrorCode::CoordinatorNotAvailable
            | RDKafkaErrorCode::NotCoordinator
    )
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}
