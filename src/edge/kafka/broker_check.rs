//! Checks whether a broker can be reached and whether its certificate is trusted.

use std::io;
use std::net::ToSocketAddrs as _;

use super::broker_probe::{self, BrokerFinding};
use super::client_identity::{self, ClientIdentity};
use super::client_properties::{ConsumerSettings, KafkaConnection};
use super::problem_text::{distrusted, no_answer};
use super::start_error::StartError;

#[derive(Debug, thiserror::Error)]
pub enum BrokerCheckError {
    #[error(transparent)]
    Settings(#[from] StartError),
    #[error(
        "its host name cannot be resolved ({0}): check kafka.brokers and the broker's \
         advertised.listeners"
    )]
    Resolve(#[source] io::Error),
    /// The addresses of the broker.
    #[error(
        "it accepts no connection ({0}): check that it runs, kafka.brokers, the broker's \
         advertised.listeners, and firewalls in between"
    )]
    Unreachable(String),
    #[error("{0}")]
    Refused(String),
}

/// Resolves the name of a broker, connects, and checks its certificate. Returns a text about the
/// result. It may take as long as the system's resolver does.
pub fn check_broker(
    address: &str,
    connection: &KafkaConnection,
) -> Result<String, BrokerCheckError> {
    let settings = ConsumerSettings {
        connection: connection.clone(),
        topics: vec!["-".to_owned()], // a consumer needs at least one
        ..ConsumerSettings::default()
    };
    let identity = ClientIdentity::new(&settings.consumer()?, &[], false);
    let resolved = address
        .to_socket_addrs()
        .map_err(BrokerCheckError::Resolve)?;
    let found: Vec<String> = resolved.map(|one| one.ip().to_string()).collect();
    let found = found.join(", ");
    match broker_probe::probe(address, identity.ca_file.as_deref()) {
        BrokerFinding::Unreachable => Err(BrokerCheckError::Unreachable(found)),
        finding @ BrokerFinding::Tls(Err(_)) if identity.is_encrypted() => {
            let reason = distrusted(address, &finding, &identity);
            Err(BrokerCheckError::Refused(reason))
        }
        BrokerFinding::Tls(Ok(())) if identity.is_encrypted() => {
            Ok(format!("reachable ({found}), its certificate is trusted"))
        }
        BrokerFinding::NoTls if !identity.is_encrypted() => Ok(format!("reachable ({found})")),
        finding => {
            let problem = no_answer(address, &finding, &identity);
            Err(BrokerCheckError::Refused(problem.to_string()))
        }
    }
}

/// The addresses of the configured brokers.
pub fn configured_brokers(connection: &KafkaConnection) -> Vec<String> {
    let brokers = connection.brokers.iter();
    brokers
        .map(|broker| client_identity::address(broker))
        .collect()
}
