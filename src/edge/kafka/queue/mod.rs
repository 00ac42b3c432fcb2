//! Calls into librdkafka that the safe bindings do not offer. The code that uses them, in the folder
//! above, knows about rebalances and positions; this folder does not.
//!
//! `unsafe` is allowed only here. It is sound for these reasons:
//!
//! * Every queue handle lives in a [`client_queue::ClientQueue`], which holds an `Arc` of the client
//!   and destroys the handle before it releases the client.
//! * [`PrivateQueue`] owns its messages and frees them at the next call that takes `&mut self`. A
//!   [`private_queue::QueuedMessage`] borrows the queue, so nothing reads a message after that.
//! * librdkafka locks its handles, so a queue may move to another thread.

#![allow(unsafe_code)]

mod admin; // sends a request and waits for the answer
mod cached_offsets; // offsets that the client library knows without asking
mod client_queue; // owns a queue handle
mod describe_configs; // the settings of topics
mod describe_topics; // which topics exist, their ids, and permissions on them
mod list_offsets; // the ends of partitions
mod mock_cluster; // the embedded broker
mod operations; // permissions
mod partition_list; // partitions as an argument
mod private_queue; // records
mod token; // OAUTHBEARER tokens

pub(super) use admin::AdminError;
pub(super) use cached_offsets::{cached_watermarks, consumed_offsets};
pub(super) use client_queue::ClientQueue;
pub(super) use describe_configs::{TopicConfigs, topic_configs};
pub(super) use describe_topics::{TopicIds, topic_operations};
pub(super) use list_offsets::{EndOffsets, PartitionEnd};
pub(super) use mock_cluster::set_group_rebalance_delay;
pub(super) use operations::{AllowedOperations, group_operations};
pub(super) use private_queue::PrivateQueue;
pub(super) use token::{Token, TokenRejection, set_token};
