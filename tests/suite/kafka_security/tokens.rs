//! OAUTHBEARER: the exporter requests, renews and awaits tokens. The broker checks them with Kafka's own
//! validator; the harness issues them in place of an OAuth server.

use super::{PATIENCE, config, oauth, open_topic, trust, wait_for_tickets, write_tickets};
use crate::end_to_end::{file, path, wait_for_reason};
use crate::harness::{Exporter, Proxy, SECRET, SUBJECT, SecuredKafka, eventually};

#[test]
fn tokens_are_awaited_and_renewed() {
    let secured = SecuredKafka::shared();
    let topic = open_topic(secured, "tokens", 3);
    let proxy = Proxy::start(secured.tokens.address());
    let secret = file(b"hunter2-no");
    let url = format!("http://{}/token", proxy.address());
    let security = trust(secured) + &oauth(&url, path(&secret));
    let config = config(secured, "SASL_SSL", &topic, &security);
    // The token server is unreachable.
    proxy.cut();
    let mut exporter = Exporter::start(&["serve"], &config);
    wait_for_reason(&exporter, "no token for the login with Kafka");
    wait_for_reason(&exporter, &url);
    // The secret is wrong.
    proxy.mend();
    wait_for_reason(&exporter, "invalid_client: wrong secret");
    // The broker expects another audience.
    secured.tokens.set_audience("other");
    secured.tokens.set_lifetime(5);
    std::fs::write(secret.path(), SECRET).unwrap();
    wait_for_reason(&exporter, "Kafka refuses the token");
    secured.tokens.set_right_audience();
    exporter.wait_ready(PATIENCE);
    wait_for_tickets(&exporter, 3);
    let given = secured.tokens.given().len();
    eventually("a new token", PATIENCE, || {
        let now = secured.tokens.given().len();
        if now >= given + 2 {
            Ok(())
        } else {
            Err(format!("{now}"))
        }
    });
    secured.tokens.set_lifetime(3_600);
    write_tickets(secured, &topic, 3, 3);
    wait_for_tickets(&exporter, 6);
    let log = exporter.logs();
    assert!(!log.contains("hunter2"), "{log}");
    for token in secured.tokens.given() {
        assert!(!log.contains(&token), "{log}");
    }
}

#[test]
fn the_subject_of_the_token_is_the_principal() {
    let secured = SecuredKafka::shared();
    let topic = secured.kafka.new_topic("token-private", 1);
    let secret = file(SECRET.as_bytes());
    let url = format!("http://{}/token", secured.tokens.address());
    let security = trust(secured) + &oauth(&url, path(&secret));
    let config = config(secured, "SASL_SSL", &topic, &security);
    let exporter = Exporter::start(&["serve"], &config);
    wait_for_reason(&exporter, &format!("--allow-principal 'User:{SUBJECT}'"));
}
