//! A client's brokers, group, topics and login: the facts that an error text has to name.

use std::fs;
use std::path::PathBuf;

use openssl::x509::{X509, X509NameRef};
use rdkafka::ClientConfig;

/// Holds no secret.
#[derive(Clone, Debug, Default)]
pub(super) struct ClientIdentity {
    pub(super) brokers: Vec<String>,
    pub(super) group: String,
    /// Topics that the client reads, or writes.
    pub(super) topics: Vec<String>,
    pub(super) writes: bool,
    /// By the client library's name, in lower case.
    pub(super) protocol: String,
    pub(super) mechanism: String,
    pub(super) username: Option<String>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) certificate: Option<PathBuf>,
    /// Of the last token.
    pub(super) token_principal: Option<String>,
}

impl ClientIdentity {
    /// Reads the properties that the client is started with.
    pub(super) fn new(config: &ClientConfig, topics: &[String], writes: bool) -> Self {
        let get = |names: &[&str]| names.iter().find_map(|name| config.get(name));
        let text = |names: &[&str]| get(names).unwrap_or_default().to_owned();
        let brokers = text(&["bootstrap.servers"]);
        let protocol = text(&["security.protocol"]).to_lowercase();
        Self {
            brokers: brokers.split(',').map(address).collect(),
            group: text(&["group.id"]),
            topics: topics.to_vec(),
            writes,
            protocol: if protocol.is_empty() {
                "plaintext".to_owned()
            } else {
                protocol
            },
            mechanism: text(&["sasl.mechanism", "sasl.mechanisms"]).to_uppercase(),
            username: get(&["sasl.username"]).map(str::to_owned),
            ca_file: get(&["ssl.ca.location"]).map(PathBuf::from),
            certificate: get(&["ssl.certificate.location"]).map(PathBuf::from),
            token_principal: None,
        }
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.protocol.ends_with("ssl")
    }

    pub(super) fn has_login(&self) -> bool {
        self.protocol.starts_with("sasl")
    }

    /// The client's principal, unless the brokers map names by rules of their own.
    fn principal(&self) -> String {
        let name = if self.has_login() && self.mechanism == "OAUTHBEARER" {
            self.token_principal.clone()
        } else if self.has_login() {
            self.username.clone()
        } else if let Some(file) = &self.certificate {
            let text = fs::read(file).ok();
            let certificate = text.and_then(|text| X509::from_pem(&text).ok());
            certificate.map(|one| distinguished_name(one.subject_name()))
        } else {
            Some("ANONYMOUS".to_owned())
        };
        format!("User:{}", name.as_deref().unwrap_or("<name>"))
    }

    /// The command that grants a permission, such as `--operation Read --topic tickets`.
    pub(super) fn grant_command(&self, permission: &str) -> String {
        let broker = self.brokers.first().map_or("<broker>", String::as_str);
        format!(
            "kafka-acls --bootstrap-server {broker} --add --allow-principal '{}' {permission}",
            self.principal()
        )
    }

    /// Our topics that a text names; all of them where it names none.
    pub(super) fn topics_in(&self, text: &str) -> Vec<&str> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let words: Vec<&str> = text
            .split(|character: char| !(character.is_ascii() && is_part(character as u8)))
            .collect();
        let topics = self.topics.iter().map(String::as_str);
        let named: Vec<&str> = topics
            .clone()
            .filter(|topic| words.contains(topic))
            .collect();
        if named.is_empty() {
            topics.collect()
        } else {
            named
        }
    }
}

/// `host:port`, without the name of a listener.
pub(super) fn address(broker: &str) -> String {
    let broker = broker.trim();
    let address = broker.split_once("://").map_or(broker, |(_, rest)| rest);
    if address.rsplit_once(':').is_some() {
        address.to_owned()
    } else {
        format!("{address}:9092")
    }
}

/// The name as Java and Kafka write it (RFC 2253): the last part first.
fn distinguished_name(name: &X509NameRef) -> String {
    let mut parts: Vec<String> = name
        .entries()
        .map(|entry| {
            let key = entry.object().nid().short_name().unwrap_or("OID");
            let value = entry.data().to_string().unwrap_or_default();
            let mut part = format!("{key}=");
            for character in value.chars() {
                if ",+\"\\<>;".contains(character) {
                    part.push('\\');
                }
                part.push(character);
            }
            part
        })
        .collect();
    parts.reverse();
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grant_command_names_the_principal() {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", "SASL_SSL://a:1,b");
        config.set("security.protocol", "SASL_SSL");
        config.set("sasl.username", "exporter");
        let topics = ["tickets".to_owned(), "tickets.old".to_owned()];
        let identity = ClientIdentity::new(&config, &topics, false);
        assert_eq!(identity.brokers, ["a:1", "b:9092"]);
        assert_eq!(
            identity.grant_command("--operation Read --topic tickets"),
            "kafka-acls --bootstrap-server a:1 --add --allow-principal 'User:exporter' \
             --operation Read --topic tickets"
        );
        assert_eq!(
            identity.topics_in("not available: tickets.old: x"),
            ["tickets.old"]
        );
        assert_eq!(
            identity.topics_in("not available"),
            ["tickets", "tickets.old"]
        );
    }
}
