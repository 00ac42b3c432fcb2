//! Kafka: the consumer, the producers of dead letters and simulated events, the checks of a
//! connection, and the embedded broker. No module here knows what a record means.

mod broker_check; // is a broker reachable, and is its certificate trusted?
mod broker_probe; // one handshake with a broker, to explain an error
mod client_identity; // who a client is: what an error text has to name
mod client_properties; // the client library's properties
mod client_statistics; // what the client library reports about partitions
mod consumer; // records in
mod consumer_callbacks; // events of the client library, for the consumer
mod credential_files; // new contents of the files with secrets and certificates
mod credentials; // the security properties
mod dead_letter_headers; // where the record of a dead letter is
mod dead_letter_producer; // dead letters out
mod embedded_broker; // a broker inside this process
mod end_offset_requests; // when to ask which leader for the ends of partitions
mod error_explainer; // reports each problem once
mod event_publisher; // events of commands out
mod inspector; // looks at topics and permissions without joining the group
mod missing_topics; // which topics do not exist
mod oauth_tokens; // tokens for OAUTHBEARER
mod problem; // a problem of a client
mod problem_text; // what a problem means and what to do about it
mod producer_callbacks; // outcomes of deliveries
mod producer_client; // a producer with its callbacks and tokens
mod progress; // how far a partition was read, and what that proves
mod queue; // calls into librdkafka
mod record_batch; // records in the client's memory
mod start_error;
mod topic_existence; // does a topic exist?
mod topic_partition;
mod topic_settings; // what a topic's settings mean for exact counts
mod webhook_producer; // webhooks out, one acknowledgment for each request

pub use broker_check::{check_broker, configured_brokers};
pub use client_properties::{ConsumerSettings, KafkaConnection};
pub use consumer::{Consumer, ConsumerEvent};
pub use credential_files::CredentialFiles;
pub use dead_letter_headers::LostDeadLetter;
pub use dead_letter_producer::{DeadLetterProducer, DeadLetterReport};
pub use embedded_broker::EmbeddedBroker;
pub use event_publisher::{DELIVERY_TIMEOUT, Publisher};
pub use inspector::{InspectError, Inspector, OffsetRange};
pub use problem::KafkaProblem;
pub use problem_text::missing_topics;
pub use producer_callbacks::DeliveryReport;
pub use progress::{EndStatus, OpenTransaction};
pub use record_batch::{DeadLetterHeader, KafkaRecord, RecordBatch, RecordHeader};
pub use start_error::StartError;
pub use topic_existence::TopicExistence;
pub use topic_partition::TopicPartition;
pub use topic_settings::{TopicConcern, TopicSettings};
pub use webhook_producer::{Acknowledgments, WebhookFailure, WebhookProducer, WebhookRecord};
