//! The guide: its configurations are complete, and its commands work as they are written.

use std::path::Path;
use std::process::Command;

use ticket_exporter::config;
use ticket_exporter::domain::webhook::WEBHOOK_SENDERS;

use super::PATIENCE;
use crate::harness::{Exporter, Kafka, folder, free_port, repository};

const SECRET: &str = "s3cret";

/// The blocks of code of the guide.
fn blocks(language: &str) -> Vec<String> {
    let page = repository().join("docs/how-to/receive-webhooks.md");
    let page = std::fs::read_to_string(page).unwrap();
    let begin = format!("\n```{language}\n");
    let parts = page.split(&begin).skip(1);
    parts
        .map(|part| part.split("\n```").next().unwrap().to_owned() + "\n")
        .collect()
}

#[test]
fn every_sender_has_a_minimal_configuration() {
    let yaml = blocks("yaml").pop().unwrap();
    let read = &mut |_: &Path| Ok(yaml.clone());
    let loaded = config::load(Some(Path::new("guide.yaml")), [], &[], read).unwrap();
    let hooks = loaded.config.gateway.unwrap().hooks;
    let names: Vec<&str> = hooks.keys().map(String::as_str).collect();
    assert_eq!(names, WEBHOOK_SENDERS.map(|sender| sender.name));
    for sender in WEBHOOK_SENDERS {
        let hook = &hooks[sender.name];
        let expected = sender.authentication(sender.name);
        assert_eq!(hook.authentication, expected, "{}", sender.name);
    }
}

#[test]
fn its_first_webhook_is_accepted() {
    let kafka = Kafka::shared();
    let (topic, port) = (kafka.new_topic("guide", 1), free_port());
    let there = folder("guide");
    let secret = there.path().join("zendesk-secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let yaml = blocks("yaml").remove(0);
    let listen = format!("gateway:\n  listen: [\"127.0.0.1:{port}\"]\n");
    let config = yaml
        .replace("kafka-1.example.com:9092", &kafka.bootstrap())
        .replace("[tickets]", &format!("[{topic}]"))
        .replace("gateway:\n", &listen)
        .replace("zendesk-secret", secret.to_str().unwrap());
    let mut gateway = Exporter::start(&["gateway"], &config);
    gateway.wait_ready(PATIENCE);
    let blocks = blocks("console");
    let block = blocks.iter().find(|block| block.contains("openssl"));
    let joined = block.unwrap().replace("\\\n", " ");
    let commands = joined.lines().filter_map(|line| line.strip_prefix("$ "));
    let commands: Vec<&str> = commands.collect();
    let script = commands.join("\n");
    let output = Command::new("sh")
        .args(["-c", &script.replace(":10048", &format!(":{port}"))])
        .current_dir(there.path())
        .output()
        .unwrap();
    let answer = String::from_utf8_lossy(&output.stdout);
    assert_eq!(answer, "accepted\n", "{script}\n{output:?}");
    assert_eq!(kafka.consume(&topic)[0].key_text(), "1");
}
