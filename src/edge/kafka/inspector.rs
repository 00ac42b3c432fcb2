//! Looks at brokers, topics and permissions, and reads some records, without joining the consumer
//! group: nothing is committed, and no partition is taken away from an exporter that reads.

use std::net::ToSocketAddrs as _;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::metadata::{Metadata, MetadataTopic};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use super::broker_probe::{self, BrokerFinding};
use super::client_identity::Outlook;
use super::client_properties::start_error;
use super::consumer::no_token;
use super::consumer_callbacks::{ClientEvent, ConsumerCallbacks};
use super::error_explainer::{KafkaErrorExplainer, distrusted, not_allowed, silent};
use super::oauth_tokens::TokenKeeper;
use super::queue::{
    AdminError, AllowedOperations, group_operations, set_token, topic_operations, topic_settings,
};
use super::record_batch::{KafkaRecord, RecordHeader};
use super::{
    ConsumerSettings, KafkaConnection, KafkaProblem, StartError, TopicPartition, TopicSettings,
};

/// Time between two questions while the coordinator of a group starts.
const COORDINATOR_PAUSE: Duration = Duration::from_millis(200);

/// How long one question waits before what the library said meanwhile is looked at.
const STEP: Duration = Duration::from_millis(500);

/// What a few records need; the consumer's own settings are made for a backlog.
const FEW_RECORDS: &[(&str, &str)] = &[
    // An inspector joins no group, so no rebalance can skip a record by it.
    ("enable.partition.eof", "true"),
    ("queued.min.messages", "100"),
    ("queued.max.messages.kbytes", "4096"),
];

/// Why something could not be found out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    #[error("the topic does not exist")]
    MissingTopic,
    /// A person has to change something first; the text says what.
    #[error("{0}")]
    Refused(String),
    /// No answer in time; the text says what is known.
    #[error("{0}")]
    Silent(String),
}

/// What there is of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetRange {
    pub partition: TopicPartition,
    /// Offset of the first record there may be.
    pub begin: i64,
    /// Offset after the last one.
    pub end: i64,
}

/// A client that asks questions and reads a few records.
pub struct Inspector {
    client: Arc<BaseConsumer<ConsumerCallbacks>>,
    /// `None`: the login needs none.
    tokens: Option<TokenRefresher>,
    reading: ClientIdentity,
    writing: ClientIdentity,
    troubles: KafkaErrorExplainer,
    /// The last problem that a person has to solve.
    refused: Option<String>,
    /// The last problem that may go away by itself.
    trouble: Option<String>,
}

impl Inspector {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// Properties that are refused.
    pub fn start(settings: &ConsumerSettings) -> Result<Self, StartError> {
        let mut config = settings.consumer()?;
        for (property, value) in FEW_RECORDS {
            config.set(*property, *value);
        }
        let client: BaseConsumer<ConsumerCallbacks> = config
            .create_with_context(ConsumerCallbacks::default())
            .map_err(start_error)?;
        let client = Arc::new(client);
        let tokens = settings.connection.tokens().map(|oauth| {
            let (weak, extensions) = (Arc::downgrade(&client), oauth.extensions.clone());
            TokenRefresher::start(oauth, move |token| {
                let client = weak.upgrade()?;
                Some(set_token(client.client(), token, &extensions))
            })
        });
        Ok(Self {
            client,
            tokens,
            reading: ClientIdentity::new(&config, &settings.topics, false),
            writing: ClientIdentity::new(&config, &[], true),
            troubles: KafkaErrorExplainer::default(),
            refused: None,
            trouble: None,
        })
    }

    /// Connects, logs in, and asks for the brokers: `host:port`, as they advertise themselves.
    ///
    /// # Errors
    /// [`InspectError`].
    pub fn brokers(&mut self, deadline: Instant) -> Result<Vec<String>, InspectError> {
        let client = Arc::clone(&self.client);
        let topic = self.reading.topics.first().cloned();
        let topic = topic.as_deref(); // without one, every topic there is would be listed
        self.ask(deadline, |wait| {
            Ok(addresses(&client.fetch_metadata(topic, wait)?))
        })
        .map_err(|error| self.explain(error, "", false))
    }

    /// Finds the partitions of a topic.
    ///
    /// # Errors
    /// [`InspectError`].
    pub fn topic(
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
        .map_err(|error| self.explain(error, topic, false))
    }

    /// Asks the leader of a partition what there is.
    ///
    /// # Errors
    /// [`InspectError`].
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
            .map_err(|error| self.explain(error, &topic, false))?;
        Ok(OffsetRange {
            partition: partition.clone(),
            begin,
            end,
        })
    }

    /// Asks for the settings of a topic.
    ///
    /// # Errors
    /// [`InspectError`].
    pub fn settings(
        &mut self,
        topic: &str,
        deadline: Instant,
    ) -> Result<TopicSettings, InspectError> {
        let answer = topic_settings(&self.client, topic, left(deadline));
        let entries = answer.map_err(|(code, words)| {
            if code == RDKafkaErrorCode::TopicAuthorizationFailed {
                let grant = format!("--operation DescribeConfigs --topic {topic}");
                return InspectError::Refused(format!(
                    "Kafka does not let us see its settings: look at cleanup.policy and \
                     retention.ms yourself, or grant DESCRIBE_CONFIGS: {}",
                    self.reading.grant(&grant)
                ));
            }
            self.explain((code, words), topic, false)
        })?;
        let entries = entries.iter();
        let entries = entries.map(|(name, value)| (name.as_str(), value.as_str()));
        Ok(TopicSettings::read(entries))
    }

    /// Whether we may read a topic.
    ///
    /// # Errors
    /// That we may not, and [`InspectError`].
    pub fn may_read(&mut self, topic: &str, deadline: Instant) -> Result<(), InspectError> {
        self.topic_allows(topic, deadline, false, AllowedOperations::read)
    }

    /// Whether we may write to a topic.
    ///
    /// # Errors
    /// That we may not, and [`InspectError`].
    pub fn may_write(&mut self, topic: &str, deadline: Instant) -> Result<(), InspectError> {
        self.topic_allows(topic, deadline, true, AllowedOperations::write)
    }

    fn topic_allows(
        &mut self,
        topic: &str,
        deadline: Instant,
        writes: bool,
        allows: impl FnOnce(&AllowedOperations) -> bool,
    ) -> Result<(), InspectError> {
        let operations = topic_operations(&self.client, topic, left(deadline))
            .map_err(|refusal| self.explain(refusal, topic, writes))?;
        // Brokers without an authorizer, and old ones, say nothing.
        if operations.are_known() && !allows(&operations) {
            let refusal = (RDKafkaErrorCode::TopicAuthorizationFailed, topic.to_owned());
            return Err(self.explain(refusal, topic, writes));
        }
        Ok(())
    }

    /// Whether we may be a member of the configured group.
    ///
    /// # Errors
    /// That we may not, and [`InspectError`].
    pub fn may_join(&mut self, deadline: Instant) -> Result<(), InspectError> {
        let group = self.reading.group.clone();
        let operations = loop {
            match group_operations(&self.client, &group, left(deadline)) {
                // The group has never been used; brokers say this only to clients that may use it.
                Err((RDKafkaErrorCode::GroupIdNotFound, _)) => return Ok(()),
                // The first question about a group makes a new cluster create its coordinator.
                Err((code, _)) if is_starting(code) && !left(deadline).is_zero() => {
                    thread::sleep(COORDINATOR_PAUSE.min(left(deadline)));
                }
                answer => break answer.map_err(|refusal| self.explain(refusal, "", false))?,
            }
        };
        if operations.are_known() && !operations.read() {
            let refusal = (RDKafkaErrorCode::GroupAuthorizationFailed, group);
            return Err(self.explain(refusal, "", false));
        }
        Ok(())
    }

    /// Hands over the first records of some partitions of one topic, `most` of them at most.
    ///
    /// # Errors
    /// [`InspectError`]. What was handed over before stays so.
    pub fn read(
        &mut self,
        extents: &[OffsetRange],
        most: usize,
        deadline: Instant,
        take: &mut dyn FnMut(&KafkaRecord<'_>),
    ) -> Result<usize, InspectError> {
        let mut open: Vec<&OffsetRange> =
            extents.iter().filter(|one| one.begin < one.end).collect();
        let topic = extents.first().map_or("", |one| &*one.partition.topic);
        let mut list = TopicPartitionList::new();
        for one in &open {
            let (topic, number) = (&one.partition.topic, one.partition.partition);
            let added = list.add_partition_offset(topic, number, Offset::Beginning);
            added.map_err(|error| InspectError::Silent(error.to_string()))?;
        }
        let assigned = self.client.assign(&list);
        assigned.map_err(|error| InspectError::Silent(error.to_string()))?;
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
                        give(&open[place].partition, &message, take);
                        taken += 1;
                        if message.offset() + 1 >= open[place].end {
                            open.remove(place);
                        }
                    }
                }
                // Control records and aborted ones are skipped; this is how their end is seen.
                Some(Err(KafkaError::PartitionEOF(number))) => {
                    open.retain(|one| one.partition.partition != number);
                }
                Some(Err(error)) => {
                    if let Some(code) = error.rdkafka_error_code()
                        && code == RDKafkaErrorCode::TopicAuthorizationFailed
                    {
                        result = Err(self.explain((code, topic.to_owned()), topic, false));
                        break;
                    }
                }
                None => {}
            }
            self.listen();
            if left(deadline).is_zero() {
                result = Err(self.late());
                break;
            }
        }
        // Errors would be those of a client that goes anyway.
        let _ = self.client.assign(&TopicPartitionList::new());
        result.map(|()| taken)
    }

    /// Asks again and again until there is an answer, a refusal, or no time left.
    fn ask<T>(
        &mut self,
        deadline: Instant,
        mut question: impl FnMut(Duration) -> Result<T, KafkaError>,
    ) -> Result<T, AdminError> {
        loop {
            let begun = Instant::now();
            let answer = question(left(deadline).min(STEP).max(Duration::from_millis(1)));
            self.serve();
            self.listen();
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
                return Err((code, String::new()));
            }
            // Some errors come at once.
            thread::sleep((STEP / 5).saturating_sub(begun.elapsed()));
        }
    }

    /// Serves what the library has to say. Nothing is assigned, so no record comes.
    fn serve(&self) {
        loop {
            let served = self.client.context().served();
            let nothing = self.client.poll(Duration::ZERO).is_none();
            if nothing && served == self.client.context().served() {
                return;
            }
        }
    }

    /// Notes what the library says.
    fn listen(&mut self) {
        for event in self.client.context().take() {
            let ClientEvent::Error(code, reason) = event else {
                continue;
            };
            if code == RDKafkaErrorCode::GroupAuthorizationFailed {
                continue; // asked for by itself
            }
            if let Some(tokens) = &self.tokens {
                self.reading.token_principal = tokens.principal();
                self.writing.token_principal = tokens.principal();
            }
            let now = Instant::now();
            match self.troubles.explain(code, &reason, &self.reading, now) {
                Some(KafkaProblem::Refused(text)) => self.refused = Some(text),
                Some(trouble) => self.trouble = Some(trouble.to_string()),
                None => {}
            }
        }
        if let Some(reason) = self.tokens.as_ref().and_then(TokenRefresher::failure) {
            self.refused = Some(no_token(&reason));
        }
    }

    fn late(&self) -> InspectError {
        match (&self.refused, &self.trouble) {
            (Some(text), _) => InspectError::Refused(text.clone()),
            (None, Some(text)) => InspectError::Silent(text.clone()),
            (None, None) => InspectError::Silent("the brokers do not answer in time".to_owned()),
        }
    }

    fn explain(&self, (code, words): AdminError, topic: &str, writes: bool) -> InspectError {
        match code {
            RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => {
                InspectError::MissingTopic
            }
            RDKafkaErrorCode::TopicAuthorizationFailed => {
                let outlook = if writes { &self.writing } else { &self.reading };
                let mut outlook = outlook.clone();
                outlook.topics = vec![topic.to_owned()];
                InspectError::Refused(not_allowed(code, topic, &outlook))
            }
            RDKafkaErrorCode::GroupAuthorizationFailed => {
                InspectError::Refused(not_allowed(code, &words, &self.reading))
            }
            _ if self.refused.is_some() || self.trouble.is_some() => self.late(),
            _ if words.is_empty() => InspectError::Silent(format!("Kafka reports: {code}")),
            _ => InspectError::Silent(format!("Kafka reports: {code} ({words})")),
        }
    }
}

impl std::fmt::Debug for Inspector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("Inspector");
        debug.field("brokers", &self.reading.brokers);
        debug.finish_non_exhaustive()
    }
}

/// Resolves the name of a broker, connects, and looks at its certificate: what was found, in words.
/// May take as long as the system's resolver does.
///
/// # Errors
/// What is wrong, and what to do.
pub fn look_at_broker(address: &str, connection: &KafkaConnection) -> Result<String, String> {
    let settings = ConsumerSettings {
        connection: connection.clone(),
        topics: vec!["-".to_owned()], // a consumer has at least one
        ..Settings::default()
    };
    let config = settings.consumer().map_err(|error| error.to_string())?;
    let outlook = ClientIdentity::new(&config, &[], false);
    let resolved = address.to_socket_addrs().map_err(|error| {
        format!(
            "its host name cannot be resolved ({error}): check kafka.brokers and the broker's \
             advertised.listeners"
        )
    })?;
    let found: Vec<String> = resolved.map(|one| one.ip().to_string()).collect();
    let found = found.join(", ");
    match broker_probe::look(address, outlook.ca_file.as_deref()) {
        BrokerFinding::Nobody => Err(format!(
            "it takes no connection ({found}): check that it runs, kafka.brokers, the broker's \
             advertised.listeners, and firewalls in between"
        )),
        finding @ BrokerFinding::Tls(Err(_)) if outlook.is_encrypted() => {
            Err(distrusted(address, &finding, &outlook))
        }
        BrokerFinding::Tls(Ok(())) if outlook.is_encrypted() => {
            Ok(format!("reachable ({found}), its certificate is trusted"))
        }
        BrokerFinding::NoTls if !outlook.is_encrypted() => Ok(format!("reachable ({found})")),
        finding => Err(silent(address, &finding, &outlook).to_string()),
    }
}

/// The addresses of the configured brokers.
pub fn configured_brokers(connection: &KafkaConnection) -> Vec<String> {
    let brokers = connection.brokers.iter();
    brokers
        .map(|broker| super::client_identity::address(broker))
        .collect()
}

fn addresses(metadata: &Metadata) -> Vec<String> {
    let brokers = metadata.brokers().iter();
    let brokers = brokers.map(|broker| format!("{}:{}", broker.host(), broker.port()));
    brokers.collect()
}

fn give(
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

/// Whether the coordinator of a group is about to be there.
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
