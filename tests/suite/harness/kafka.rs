//! A real Kafka broker: one KRaft node, broker and controller in one process.
//!
//! Its clients use the librdkafka of the exporter. A start takes a few seconds, so share a broker
//! ([`Kafka::shared`]) with topics of your own, and start your own only to kill or stop it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::process::{Process, Signal};
use super::proxy::Proxy;
use super::tools;
use super::wait::{eventually, free_port};

/// A start takes some 4 s on an idle machine, and longer while something compiles.
const START_TIMEOUT: Duration = Duration::from_secs(120);
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const ADMIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Any 16 bytes in URL-safe base 64 will do.
const CLUSTER_ID: &str = "dGlja2V0LWV4cG9ydGVyMA";

/// The broker lives for a minute: compile little, use the simplest garbage collector, stay small.
const JAVA_OPTIONS: [&str; 5] = [
    "-Xms128m",
    "-Xmx512m",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Djava.awt.headless=true",
];

/// The broker's settings besides addresses and folder.
const SETTINGS: [(&str, &str); 17] = [
    ("process.roles", "broker,controller"),
    ("node.id", "1"),
    ("controller.listener.names", "CONTROLLER"),
    (
        "listener.security.protocol.map",
        "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    ),
    // One node holds the only copy of the data.
    ("offsets.topic.replication.factor", "1"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    // Fewer partitions of the internal topics load faster.
    ("offsets.topic.num.partitions", "4"),
    ("transaction.state.log.num.partitions", "2"),
    // The first member of a group need not wait three seconds for others.
    ("group.initial.rebalance.delay.ms", "0"),
    // A wrong topic name is an error, as in most production clusters.
    ("auto.create.topics.enable", "false"),
    // A killed broker cannot return before its session ends.
    ("broker.session.timeout.ms", "3000"),
    ("broker.heartbeat.interval.ms", "500"),
    // Small machines.
    ("num.network.threads", "2"),
    ("num.io.threads", "4"),
    ("log.cleaner.dedupe.buffer.size", "16777216"),
    // The broker deletes the files of a deleted topic soon.
    ("log.segment.delete.delay.ms", "1000"),
];

/// A running broker. When dropped, it is killed and its data removed.
#[derive(Debug)]
pub(crate) struct Kafka {
    process: Option<Process>,
    settings: PathBuf,
    log: PathBuf,
    port: u16,
    java: Vec<String>,
    folder: tempfile::TempDir,
}

/// Rare settings.
#[derive(Debug, Default)]
pub(super) struct Extra {
    /// Options of `java`.
    pub(super) java: Vec<String>,
    /// Options of the storage format command.
    pub(super) format: Vec<String>,
}

impl Kafka {
    /// Starts a broker.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Adds broker settings, which override the usual ones.
    #[track_caller]
    pub(crate) fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::start_on(free_port(), settings, &Extra::default())
    }

    /// Starts a broker with all options. It speaks without TLS and login on `port`.
    #[track_caller]
    pub(super) fn start_on(port: u16, settings: &[(&str, &str)], extra: &Extra) -> Self {
        let folder = tools::folder("kafka");
        let controller = free_port();
        let mut text = String::new();
        let own = [
            (
                "listeners",
                format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"),
            ),
            (
                "advertised.listeners",
                format!("PLAINTEXT://127.0.0.1:{port}"),
            ),
            (
                "controller.quorum.voters",
                format!("1@127.0.0.1:{controller}"),
            ),
            ("log.dirs", folder.path().join("data").display().to_string()),
        ];
        // In a properties file the last of equal keys wins.
        let usual = SETTINGS
            .iter()
            .chain(settings)
            .map(|(key, value)| (*key, (*value).to_owned()));
        for (key, value) in own.into_iter().chain(usual) {
            writeln!(text, "{key}={value}").unwrap();
        }
        let path = folder.path().join("server.properties");
        std::fs::write(&path, text).unwrap();
        let mut kafka = Self {
            process: None,
            settings: path,
            log: folder.path().join("kafka.log"),
            port,
            java: extra.java.clone(),
            folder,
        };
        kafka.format(&extra.format);
        kafka.restart();
        kafka
    }

    /// A broker that tells its clients to connect through a proxy. The test itself connects directly.
    #[track_caller]
    pub(crate) fn start_behind_proxy() -> (Self, Proxy) {
        let (port, proxied, controller) = (free_port(), free_port(), free_port());
        let proxy = Proxy::start_for_kafka(([127, 0, 0, 1], proxied).into());
        let settings = [
            (
                "listeners",
                format!(
                    "PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{proxied},\
                     CONTROLLER://127.0.0.1:{controller}"
                ),
            ),
            (
                "advertised.listeners",
                format!("PLAINTEXT://127.0.0.1:{port},PROXIED://{}", proxy.address()),
            ),
            (
                "controller.quorum.voters",
                format!("1@127.0.0.1:{controller}"),
            ),
            (
                "listener.security.protocol.map",
                "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
            ),
            ("inter.broker.listener.name", "PLAINTEXT".to_owned()),
        ];
        let settings: Vec<(&str, &str)> = settings
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        (Self::start_on(port, &settings, &Extra::default()), proxy)
    }

    /// The shared broker, started by the first caller. No test may stop it.
    #[track_caller]
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Kafka> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    pub(crate) fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A topic or group name that no other test uses.
    pub(crate) fn unique(name: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// Creates a topic and waits until each partition has a leader. `configs` are topic settings such as
    /// `("cleanup.policy", "compact")`.
    #[track_caller]
    pub(crate) fn create_topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in configs {
            topic = topic.set(key, value);
        }
        let admin = self.admin();
        let results = run(admin.create_topics([&topic], &options()))
            .unwrap_or_else(|error| panic!("cannot create topic {name}: {error}"));
        expect_each(&results, &format!("create topic {name}"));
        self.wait_for_partitions(name, partitions);
    }

    /// Creates a topic with a unique name that starts with `name`.
    #[track_caller]
    pub(crate) fn new_topic(&self, name: &str, partitions: i32) -> String {
        let unique = Self::unique(name);
        self.create_topic(&unique, partitions, &[]);
        unique
    }

    #[track_caller]
    pub(crate) fn add_partitions(&self, name: &str, total: i32) {
        let wanted = NewPartitions::new(name, usize::try_from(total).unwrap());
        let results = run(self.admin().create_partitions([&wanted], &options()))
            .unwrap_or_else(|error| panic!("cannot add partitions to {name}: {error}"));
        expect_each(&results, &format!("add partitions to {name}"));
        self.wait_for_partitions(name, total);
    }

    /// Deletes a topic and waits until the broker no longer knows it.
    #[track_caller]
    pub(crate) fn delete_topic(&self, name: &str) {
        let results = run(self.admin().delete_topics(&[name], &options()))
            .unwrap_or_else(|error| panic!("cannot delete topic {name}: {error}"));
        expect_each(&results, &format!("delete topic {name}"));
        eventually(
            &format!("the end of topic {name}"),
            ADMIN_TIMEOUT,
            || match self.partitions(name)? {
                0 => Ok(()),
                left => Err(format!("{left} partitions")),
            },
        );
    }

    /// Deletes the records before an offset, as retention does.
    #[track_caller]
    pub(crate) fn delete_records(&self, name: &str, partition: i32, before: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(name, partition, Offset::Offset(before))
            .unwrap();
        let deleted = run(self.admin().delete_records(&list, &options()))
            .unwrap_or_else(|error| panic!("cannot delete records of {name}: {error}"));
        for one in deleted.elements() {
            one.error()
                .unwrap_or_else(|error| panic!("cannot delete records of {name}: {error}"));
        }
    }

    /// Sends SIGKILL. Records that the broker has not confirmed are lost.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    #[track_caller]
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::Term);
            process.wait(STOP_TIMEOUT);
        }
    }

    /// Stops the broker if it runs, and starts it again on the same port with the same data.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        self.stop();
        let mut arguments = self.java.clone();
        let settings = self.settings.display().to_string();
        arguments.extend(java_arguments("kafka.Kafka", &[settings]));
        let process = Process::start("java".as_ref(), &arguments, &|_| {}, &self.log);
        self.process = Some(process);
        eventually("the Kafka broker", START_TIMEOUT, || {
            let process = self.process.as_mut().unwrap();
            if let Some(status) = process.ended() {
                panic!(
                    "the Kafka broker ended with {status}; its log ends\n{}",
                    process.last_lines()
                );
            }
            // This is cheaper than a client, and the line appears only once the broker is active.
            if process.logs_since_start().contains("Kafka Server started") {
                Ok(())
            } else {
                Err(format!(
                    "not started; its log ends\n{}",
                    process.last_lines()
                ))
            }
        });
        eventually("the Kafka broker's metadata", START_TIMEOUT, || {
            self.partitions("").map(drop)
        });
    }

    /// Copies the data of the stopped broker.
    #[track_caller]
    pub(crate) fn copy_disk(&self) -> tempfile::TempDir {
        assert!(
            self.process.is_none(),
            "stop the broker before its disk is copied"
        );
        let copy = tools::folder("kafka-disk");
        copy_folder(&self.folder.path().join("data"), &copy.path().join("data"));
        copy
    }

    /// Replaces the data of the stopped broker with a copy.
    #[track_caller]
    pub(crate) fn put_disk_back(&self, copy: &tempfile::TempDir) {
        assert!(
            self.process.is_none(),
            "stop the broker before its disk is replaced"
        );
        let data = self.folder.path().join("data");
        std::fs::remove_dir_all(&data).unwrap();
        copy_folder(&copy.path().join("data"), &data);
    }

    /// Stops the process with SIGSTOP: connections stay open, but the broker answers nothing.
    pub(crate) fn pause(&mut self) {
        self.process.as_mut().unwrap().signal(Signal::Stop);
    }

    pub(crate) fn resume(&mut self) {
        self.process.as_mut().unwrap().signal(Signal::Cont);
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap());
        // Clients reconnect soon after a restart.
        config.set("reconnect.backoff.max.ms", "500");
        config
    }

    /// Writes the metadata that a KRaft node needs.
    #[track_caller]
    fn format(&self, more: &[String]) {
        let settings = self.settings.display().to_string();
        let arguments = ["format", "--cluster-id", CLUSTER_ID, "--config", &settings];
        let mut arguments = arguments.map(str::to_owned).to_vec();
        arguments.extend_from_slice(more);
        let arguments = java_arguments("kafka.tools.StorageTool", &arguments);
        let log = self.folder.path().join("format.log");
        let mut tool = Process::start("java".as_ref(), &arguments, &|_| {}, &log);
        let status = tool.wait(START_TIMEOUT);
        assert!(
            status.success(),
            "cannot format the broker's storage: {}",
            tool.last_lines()
        );
    }

    /// Runs one of Kafka's operator commands, by its class, against this broker.
    #[track_caller]
    pub(super) fn operate(&self, class: &str, arguments: &[String]) {
        let mut all = vec!["--bootstrap-server".to_owned(), self.bootstrap()];
        all.extend_from_slice(arguments);
        let log = self.folder.path().join(Self::unique("command"));
        let arguments = java_arguments(&format!("org.apache.kafka.tools.{class}"), &all);
        let mut tool = Process::start("java".as_ref(), &arguments, &|_| {}, &log);
        let status = tool.wait(START_TIMEOUT);
        let said = tool.last_lines();
        // Some commands only print their errors.
        let failed = !status.success() || said.contains("Error while executing");
        assert!(!failed, "{class} {all:?}: {said}");
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    /// The number of partitions of the topic that have a leader; 0 if there is no such topic. With an empty
    /// name it only checks whether the broker answers.
    fn partitions(&self, topic: &str) -> Result<i32, String> {
        let consumer: BaseConsumer = self.client().create().unwrap();
        let metadata = consumer
            .fetch_metadata(None, Duration::from_secs(5))
            .map_err(|error| error.to_string())?;
        if metadata.brokers().is_empty() {
            return Err("the metadata names no broker".to_owned());
        }
        let found = metadata
            .topics()
            .iter()
            .filter(|found| found.name() == topic);
        let led = found
            .flat_map(|found| found.partitions())
            .filter(|part| part.leader() >= 0);
        Ok(i32::try_from(led.count()).unwrap())
    }

    #[track_caller]
    fn wait_for_partitions(&self, topic: &str, wanted: i32) {
        eventually(
            &format!("{wanted} partitions of {topic}"),
            ADMIN_TIMEOUT,
            || match self.partitions(topic)? {
                count if count == wanted => Ok(()),
                count => Err(format!("{count} have a leader")),
            },
        );
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn java_arguments(class: &str, arguments: &[String]) -> Vec<String> {
    let mut all: Vec<String> = JAVA_OPTIONS
        .iter()
        .map(|&option| option.to_owned())
        .collect();
    all.extend([
        "-cp".to_owned(),
        format!("{}/*", tools::kafka_jars().display()),
    ]);
    all.push(class.to_owned());
    all.extend_from_slice(arguments);
    all
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(ADMIN_TIMEOUT))
        .operation_timeout(Some(ADMIN_TIMEOUT))
}

#[track_caller]
fn expect_each(results: &[Result<String, (String, RDKafkaErrorCode)>], action: &str) {
    for result in results {
        if let Err((_, error)) = result {
            panic!("cannot {action}: {error}");
        }
    }
}

/// The admin client returns futures.
fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
