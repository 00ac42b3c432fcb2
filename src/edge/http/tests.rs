//! The server as scrapers, probes and browsers use it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::sync::oneshot;
use ureq::http::Response;
use ureq::{Agent, Body};

use super::connection::TimeLimits;
use super::sending::SendPermit;
use super::{HttpServer, Kpis, Protection, Published, PublishedView, Readiness, router};
use crate::config::{ListenAddress, RoutePrefix, TelemetryPath, Web};
use crate::domain::catalog;
use crate::domain::timestamp::Timestamp;
use crate::edge::self_metrics::tests::self_metrics;
use crate::engine::{
    GoalItem, GoalList, NamedValues, Report, Sample, Series, TeamReport, Visitor, WindowReport,
};

const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0";
const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Every client may connect.
fn unprotected() -> Protection {
    Protection::load(&Web::default(), Arc::new(self_metrics())).unwrap()
}

fn kpis(series: impl Kpis + Send + Sync + 'static) -> PublishedView {
    PublishedView {
        kpis: Some(Arc::new(series)),
        progress: None,
    }
}

struct RunningServer {
    published: Arc<Published>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl RunningServer {
    fn start() -> Self {
        Self::start_with(|_| {}, TimeLimits::default())
    }

    fn start_web(set: impl FnOnce(&mut Web)) -> Self {
        Self::start_with(set, TimeLimits::default())
    }

    fn start_with(set: impl FnOnce(&mut Web), limits: TimeLimits) -> Self {
        let mut web = Web::default();
        set(&mut web);
        let web = &web;
        let metrics = Arc::new(self_metrics());
        let published = Arc::new(Published::new(metrics, Readiness::default()));
        let router = router(Arc::clone(&published), web);
        let metrics = Arc::clone(published.self_metrics());
        let protection = Protection::load(web, metrics).unwrap();
        let (stop, stopped) = oneshot::channel();
        let (sender, receiver) = mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listen = [ListenAddress::parse("127.0.0.1:0").unwrap()];
                let mut server = HttpServer::bind(&listen, router, protection).await.unwrap();
                server.limits = limits;
                sender.send(server.addresses()[0]).unwrap();
                server
                    .serve(async {
                        let _ = stopped.await;
                    })
                    .await;
            });
        });
        Self {
            published,
            address: receiver.recv().unwrap(),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn get(&self, path: &str) -> Response<Body> {
        agent().get(self.url(path)).call().unwrap()
    }

    /// Head and content as sent, because the client would decode them.
    fn raw(&self, method: &str, path: &str, accept_encoding: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: test\r\naccept-encoding: {accept_encoding}\r\n\
             connection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let content = answer.split_off(end.unwrap() + 4);
        (String::from_utf8(answer).unwrap(), content)
    }

    fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            let result = thread.join();
            if !thread::panicking() {
                result.unwrap();
            }
        }
    }
}

/// A new client with one connection. Statuses are not errors.
fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(20)))
        .build()
        .new_agent()
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

fn json(response: Response<Body>) -> serde_json::Value {
    serde_json::from_str(&body(response)).unwrap()
}

fn telemetry_path(path: &str) -> TelemetryPath {
    TelemetryPath::parse(path).unwrap()
}

fn body(mut response: Response<Body>) -> String {
    response.body_mut().read_to_string().unwrap()
}

/// Series, and a report, by functions.
struct TestKpis<V> {
    report: fn() -> Report,
    visit: V,
}

impl<V: Fn(&mut dyn Visitor)> Series for TestKpis<V> {
    fn visit(&self, visitor: &mut dyn Visitor) {
        (self.visit)(visitor);
    }
}

impl<V: Fn(&mut dyn Visitor)> Kpis for TestKpis<V> {
    fn report(&self) -> Report {
        (self.report)()
    }
}

fn backlog(visitor: &mut dyn Visitor, value: f64) {
    visitor.family(&catalog::BACKLOG, catalog::BACKLOG.labels, None);
    visitor.sample(&["billing", "p1", "open"], Sample::Number(value));
}

/// A backlog, and a report of one team, whose name HTML has to escape.
fn backlog_of(value: f64) -> PublishedView {
    kpis(TestKpis {
        visit: move |visitor: &mut dyn Visitor| backlog(visitor, value),
        report: || Report {
            clock: Some(Timestamp(1_500)),
            clock_timestamp_seconds: Some(1.5),
            windows: vec!["1h".to_owned()],
            teams: vec![TeamReport {
                team: "<script>".to_owned(),
                backlog: 3,
                windows: NamedValues(vec![("1h".to_owned(), WindowReport::default())]),
                ..TeamReport::default()
            }],
        },
    })
}

/// Tells that a scrape has begun, and lets it go on.
#[derive(Default)]
struct SlowScrape {
    entered: AtomicBool,
    go_on: AtomicBool,
}

impl SlowScrape {
    /// Publishes series that wait in each scrape.
    fn publish(published: &Published) -> Arc<Self> {
        let slow = Arc::new(Self::default());
        let shared = Arc::clone(&slow);
        published.publish(kpis(TestKpis {
            report: Report::default,
            visit: move |visitor: &mut dyn Visitor| {
                shared.entered.store(true, Ordering::SeqCst);
                wait_until(|| shared.go_on.load(Ordering::SeqCst));
                backlog(visitor, 9.0);
            },
        }));
        slow
    }
}

fn wait_until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "waited too long"
        );
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn metrics_have_the_requested_format() {
    let running = RunningServer::start();
    running.published.publish(backlog_of(3.0));
    for (accept, content_type, contains) in [
        (None, TEXT, "\nticket_backlog{"),
        (Some("*/*"), TEXT, "# TYPE ticket_backlog gauge"),
        (
            Some(OPEN_METRICS),
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "# EOF\n",
        ),
        (
            Some(PROTOBUF),
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            "ticket_backlog",
        ),
        (Some("application/json"), TEXT, "process_start_time_seconds"),
    ] {
        let mut request = agent().get(running.url("/metrics?name=x"));
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let mut response = request.call().unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(
            header(&response, "content-type"),
            content_type,
            "{accept:?}"
        );
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        let bytes = response.body_mut().read_to_vec().unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains(contains), "{accept:?}\n{text}");
        assert!(text.contains("ticket_exporter_build_info"), "{accept:?}");
    }
}

#[test]
fn answers_are_compressed_where_the_client_accepts_it() {
    let running = RunningServer::start();
    let (head, plain) = running.raw("GET", "/metrics", "identity");
    assert!(!head.contains("content-encoding"), "{head}");
    assert!(
        String::from_utf8(plain.clone())
            .unwrap()
            .contains("ticket_exporter_caught_up 0")
    );

    let (head, compressed) = running.raw("GET", "/metrics", "deflate, gzip;q=0.5");
    for line in [
        "content-encoding: gzip".to_owned(),
        format!("content-type: {TEXT}"),
        "vary: accept, accept-encoding".to_owned(),
        format!("content-length: {}", compressed.len()),
    ] {
        assert!(head.lines().any(|found| found == line), "{line}\n{head}");
    }
    assert!(compressed.len() * 3 < plain.len());
    let mut text = String::new();
    let mut decoder = flate2::read::GzDecoder::new(compressed.as_slice());
    decoder.read_to_string(&mut text).unwrap();
    assert!(text.contains("ticket_exporter_caught_up 0"));
}

#[test]
fn withheld_is_absent_not_zero() {
    let running = RunningServer::start();
    assert!(!body(running.get("/metrics")).contains("ticket_backlog"));
    running.published.publish(backlog_of(3.0));
    assert!(body(running.get("/metrics")).contains("status=\"open\"} 3\n"));
    running.published.publish(backlog_of(4.0));
    assert!(body(running.get("/metrics")).contains("status=\"open\"} 4\n"));
    running.published.withhold();
    let text = body(running.get("/metrics"));
    assert!(!text.contains("ticket_backlog"));
    assert!(text.contains("ticket_exporter_caught_up"));
}

#[test]
fn health_and_readiness() {
    let running = RunningServer::start();
    let latch = running
        .published
        .readiness()
        .hold("partitions not caught up");
    let other = running.published.readiness().hold("restoring state");
    let healthy = running.get("/-/healthy");
    assert_eq!(healthy.status(), 200);
    assert_eq!(header(&healthy, "cache-control"), "no-store");
    let response = running.get("/-/ready");
    assert_eq!(response.status(), 503);
    assert_eq!(
        header(&response, "content-type"),
        "text/plain; charset=utf-8"
    );
    assert_eq!(
        body(response),
        "not ready\n- partitions not caught up\n- restoring state\n"
    );
    latch.release();
    assert_eq!(running.get("/-/ready").status(), 503);
    other.release();
    let response = running.get("/-/ready");
    assert_eq!(response.status(), 200);
    assert_eq!(body(response), "ready\n");
    // A remark does not make it unready.
    let readiness = running.published.readiness();
    readiness.remark("tickets", Some("topic <tickets>: of no use".to_owned()));
    let response = running.get("/-/ready");
    assert_eq!(response.status(), 200);
    assert_eq!(
        body(response),
        "ready\n- note: topic <tickets>: of no use\n"
    );
    let page = body(running.get("/"));
    assert!(page.contains("topic &lt;tickets&gt;: of no use"), "{page}");
    readiness.remark("tickets", None);
    assert_eq!(body(running.get("/-/ready")), "ready\n");
}

#[test]
fn the_landing_page() {
    let running =
        RunningServer::start_web(|web| web.telemetry_path = telemetry_path("/kpi/metrics"));
    let latch = running.published.readiness().hold("reading <offsets>");
    let response = running.get("/");
    assert_eq!(
        header(&response, "content-type"),
        "text/html; charset=utf-8"
    );
    assert!(header(&response, "content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(header(&response, "cache-control"), "no-store");
    let page = body(response);
    for part in [
        "version 1.2.3",
        "href=\"./kpi/metrics\"",
        "href=\"./-/healthy\"",
        "href=\"./-/ready\"",
        "<li>reading &lt;offsets&gt;</li>",
        "withheld",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    latch.release();
    running.published.publish(backlog_of(3.0));
    let page = body(running.get("/"));
    assert!(page.contains("Ready."));
    assert!(page.contains("data-key=\"&lt;script&gt;\""), "{page}");
    assert!(page.contains("As of 1970-01-01T00:00:01.500Z; window 1h"));
    assert!(!page.contains("/tickets"), "off: not offered");
    assert_eq!(running.get("/kpi/metrics").status(), 200);
    assert_eq!(running.get("/metrics").status(), 404);
}

#[test]
fn kpis_as_json() {
    let running = RunningServer::start();
    let latch = running.published.readiness().hold("reading the topic");
    let response = running.get("/api/v1/kpis");
    assert_eq!(response.status(), 503);
    assert_eq!(header(&response, "retry-after"), "5");
    assert_eq!(header(&response, "content-type"), "application/json");
    let answer = json(response);
    assert_eq!(answer["reasons"][0], "reading the topic");
    latch.release();

    running.published.publish(backlog_of(3.0));
    let response = running.get("/api/v1/kpis");
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "cache-control"), "no-store");
    let answer = json(response);
    assert_eq!(answer["clock"], "1970-01-01T00:00:01.500Z");
    assert_eq!(answer["clock_timestamp_seconds"], 1.5);
    assert_eq!(answer["teams"][0]["backlog"], 3);
    assert!(answer["teams"][0]["windows"]["1h"]["sla_met_share"].is_null());

    let answer = json(running.get("/api/v1/kpis?team=billing"));
    assert_eq!(answer["teams"], serde_json::json!([]));
    let response = running.get("/api/v1/kpis?window=1h");
    assert_eq!(response.status(), 400);
    assert!(body(response).contains("is not a parameter; the parameters are team"));
}

#[test]
fn tickets_are_not_shown_unless_allowed() {
    let running = RunningServer::start();
    running.published.publish(backlog_of(3.0));
    for path in ["/tickets", "/api/v1/tickets?at_risk=1h"] {
        let response = running.get(path);
        assert_eq!(response.status(), 404, "{path}");
        assert!(body(response).contains("web.tickets: true"), "{path}");
    }
    assert!(running.published.questions().take().is_empty());
}

/// Answers questions as the ingest thread does, until it is dropped.
struct AnsweringThread(Arc<AtomicBool>, Option<JoinHandle<()>>);

impl AnsweringThread {
    fn start(published: &Arc<Published>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, published) = (Arc::clone(&stop), Arc::clone(published));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                for question in published.questions().take() {
                    let list = GoalList {
                        clock: Some(Timestamp(0)),
                        matching: question.query().limit as u64,
                        goals: vec![GoalItem {
                            ticket_id: "<b>7".to_owned(),
                            target: "resolution",
                            policy: "all".to_owned(),
                            group: "sla".to_owned(),
                            team: question.query().teams.concat(),
                            priority: "p1".to_owned(),
                            attributes: std::collections::BTreeMap::new(),
                            status: "open",
                            state: "running",
                            deadline: Some(Timestamp(60_000)),
                            deadline_timestamp_seconds: Some(60.0),
                        }],
                        ..GoalList::default()
                    };
                    question.answer(list).send();
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        Self(stop, Some(thread))
    }
}

impl Drop for AnsweringThread {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
        if let Some(thread) = self.1.take() {
            let _ = thread.join();
        }
    }
}

#[test]
fn tickets_come_from_the_ingest_thread() {
    let running = RunningServer::start_web(|web| web.tickets = true);
    let latch = running.published.readiness().hold("reading the topic");
    let response = running.get("/api/v1/tickets");
    assert_eq!(response.status(), 503);
    assert!(body(response).contains("\"reasons\":[\"reading the topic\"]"));
    assert_eq!(running.get("/tickets").status(), 503);
    latch.release();

    running.published.publish(backlog_of(3.0));
    let _owner = AnsweringThread::start(&running.published);
    let answer = json(running.get("/api/v1/tickets?at_risk=1h&team=a%20b&limit=7"));
    assert_eq!(answer["matching"], 7);
    assert_eq!(answer["goals"][0]["ticket_id"], "<b>7");
    assert_eq!(answer["goals"][0]["team"], "a b");
    assert_eq!(answer["goals"][0]["deadline_timestamp_seconds"], 60.0);

    let page = body(running.get("/tickets?team=x"));
    assert!(page.contains("&lt;b&gt;7</th>"), "{page}");
    assert!(body(running.get("/")).contains("href=\"./tickets\""));
    for path in ["/api/v1/tickets", "/tickets"] {
        let response = running.get(&format!("{path}?at_risk=soon"));
        assert_eq!(response.status(), 400, "{path}");
        assert!(
            body(response).contains("at_risk must be a duration"),
            "{path}"
        );
    }
}

#[test]
fn a_withheld_answer_is_503() {
    let running = RunningServer::start_web(|web| web.tickets = true);
    running.published.publish(backlog_of(3.0));
    let url = running.url("/api/v1/tickets");
    let asked = thread::spawn(move || agent().get(url).call().unwrap().status());
    wait_until(|| {
        let taken = running.published.questions().take();
        let came = !taken.is_empty();
        drop(taken);
        came
    });
    assert_eq!(asked.join().unwrap(), 503);
}

#[test]
fn all_pages_can_be_below_a_prefix() {
    let running = RunningServer::start_web(|web| {
        web.route_prefix = RoutePrefix::parse("/desk/kpi").unwrap();
        web.tickets = true;
    });
    for path in ["/desk/kpi/metrics", "/desk/kpi/-/healthy", "/desk/kpi/"] {
        assert_eq!(running.get(path).status(), 200, "{path}");
    }
    for path in ["/metrics", "/-/healthy", "/desk", "/desk/kpi/metrics/"] {
        let response = running.get(path);
        assert_eq!(response.status(), 404, "{path}");
        assert!(body(response).contains("below /desk/kpi/ there are /metrics and"));
    }
    // Relative addresses are right behind any proxy.
    for (path, location) in [("/", "./desk/kpi/"), ("/desk/kpi", "./kpi/")] {
        let (head, _) = running.raw("GET", path, "identity");
        assert!(head.starts_with("HTTP/1.1 302 Found"), "{path}: {head}");
        let line = format!("location: {location}");
        assert!(head.lines().any(|found| found == line), "{path}: {head}");
        let page = body(running.get(path));
        assert!(page.contains("href=\"./tickets\""), "{path}: {page}");
    }
}

/// Clients may read any page slowly, so the limits of scrapes apply to large pages, too.
#[tokio::test]
async fn large_answers_take_a_slot_and_small_ones_do_not() {
    let metrics = Arc::new(self_metrics());
    let published = Arc::new(Published::new(metrics, Readiness::default()));
    let pages = TowerToHyperService::new(router(Arc::clone(&published), &Web::default()));
    let takes_a_slot = async |path: &str| {
        let request = axum::http::Request::get(path).body(axum::body::Body::empty());
        let response = pages.call(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.extensions().get::<SendPermit>().is_some()
    };
    published.publish(backlog_of(3.0));
    for path in ["/", "/api/v1/kpis", "/-/healthy"] {
        assert!(!takes_a_slot(path).await, "{path}");
    }
    published.publish(kpis(TestKpis {
        visit: |_: &mut dyn Visitor| {},
        report: || Report {
            clock: Some(Timestamp(1_500)),
            teams: vec![TeamReport::default(); 1_000],
            ..Report::default()
        },
    }));
    for path in ["/", "/api/v1/kpis", "/metrics"] {
        assert!(takes_a_slot(path).await, "{path}");
    }
}

#[test]
fn metrics_can_be_at_the_root() {
    let running = RunningServer::start_web(|web| web.telemetry_path = telemetry_path("/"));
    let response = running.get("/");
    assert_eq!(header(&response, "content-type"), TEXT);
}

#[test]
fn head_other_methods_and_other_paths() {
    let running = RunningServer::start();
    running.published.publish(backlog_of(3.0));
    for path in ["/", "/metrics", "/-/healthy", "/-/ready", "/api/v1/kpis"] {
        let (get, content) = running.raw("GET", path, "identity");
        let (head, nothing) = running.raw("HEAD", path, "identity");
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{path}");
        assert!(!content.is_empty() && nothing.is_empty(), "{path}");
        for name in ["content-length: ", "content-type: "] {
            let line = |head: &str| {
                head.lines()
                    .find(|line| line.starts_with(name))
                    .map(str::len)
            };
            assert!(
                line(&head).is_some() && line(&head) == line(&get),
                "{path} {name}"
            );
        }

        let response = agent().post(running.url(path)).send("x").unwrap();
        assert_eq!(response.status(), 413, "{path}");
        let response = agent().post(running.url(path)).send_empty().unwrap();
        assert_eq!(response.status(), 405, "{path}");
        assert!(header(&response, "allow").contains("GET"), "{path}");
        assert_eq!(body(response), format!("POST is not allowed for {path}\n"));
    }
    let response = running.get("/metricss");
    assert_eq!(response.status(), 404);
    assert!(body(response).contains("/metrics and"));
}

#[test]
fn fifty_scrapes_at_once() {
    let running = RunningServer::start();
    running.published.publish(backlog_of(3.0));
    let url = running.url("/metrics");
    let scrapes: Vec<_> = (0..50)
        .map(|_| {
            let url = url.clone();
            thread::spawn(move || {
                let response = agent().get(url).call().unwrap();
                (response.status(), body(response))
            })
        })
        .collect();
    for scrape in scrapes {
        let (status, text) = scrape.join().unwrap();
        assert_eq!(status, 200);
        assert!(text.contains("status=\"open\"} 3\n"));
    }
}

#[test]
fn too_many_scrapes_are_told_so() {
    let running = RunningServer::start();
    let slow = SlowScrape::publish(&running.published);
    let (answers, answered) = mpsc::channel();
    let scrapes: Vec<_> = (0..70)
        .map(|_| {
            let url = running.url("/metrics");
            let answers = answers.clone();
            thread::spawn(move || {
                let response = agent().get(url).call().unwrap();
                answers.send((response.status(), body(response))).unwrap();
            })
        })
        .collect();
    // All that is over the bound is turned away while the others wait.
    for _ in 0..6 {
        let (status, text) = answered.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(status, 503);
        assert!(text.starts_with("too many scrapes"), "{text}");
    }
    assert_eq!(running.get("/-/healthy").status(), 200);
    slow.go_on.store(true, Ordering::SeqCst);
    for _ in 0..64 {
        assert_eq!(answered.recv().unwrap().0, 200);
    }
    for scrape in scrapes {
        scrape.join().unwrap();
    }
}

#[test]
fn shutdown_finishes_the_scrape_under_way() {
    let mut running = RunningServer::start();
    let slow = SlowScrape::publish(&running.published);
    let idle = agent(); // keeps its connection open, which must not delay the end
    idle.get(running.url("/-/healthy")).call().unwrap();
    let url = running.url("/metrics");
    let scrape = thread::spawn(move || body(agent().get(url).call().unwrap()));
    wait_until(|| slow.entered.load(Ordering::SeqCst));
    running.stop();
    let address = running.address;
    wait_until(|| TcpStream::connect(address).is_err());
    slow.go_on.store(true, Ordering::SeqCst);
    assert!(scrape.join().unwrap().contains("status=\"open\"} 9\n"));
    let started = Instant::now();
    drop(running);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_port_in_use_is_an_error_with_its_address() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let listen = [ListenAddress::Socket(address)];
    let error = HttpServer::bind(&listen, axum::Router::new(), unprotected())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {address}: the port is in use by another process")
    );
}

#[tokio::test]
async fn listens_on_all_kinds_of_addresses() {
    let listen = [":0", "[::1]:0", "localhost:0", "127.0.0.1:0"]
        .map(|text| ListenAddress::parse(text).unwrap());
    let server = HttpServer::bind(&listen, axum::Router::new(), unprotected())
        .await
        .unwrap();
    assert_eq!(server.addresses().len(), 4);
    assert!(server.addresses().iter().all(|address| address.port() != 0));
    let every = server.addresses()[0];
    assert!(TcpStream::connect(("127.0.0.1", every.port())).is_ok());
}

/// More bytes than the buffers of a connection take.
fn large_series() -> PublishedView {
    kpis(TestKpis {
        report: Report::default,
        visit: |visitor: &mut dyn Visitor| {
            visitor.family(&catalog::BACKLOG, catalog::BACKLOG.labels, None);
            let team = "t".repeat(1_000);
            for _ in 0..20_000 {
                visitor.sample(&[&team, "p1", "open"], Sample::Number(1.0));
            }
        },
    })
}

fn connect(running: &RunningServer, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(running.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(request).unwrap();
    stream
}

#[test]
fn silent_and_stalled_clients_lose_their_connections() {
    let limits = TimeLimits {
        header: Duration::from_millis(100),
        stall: Duration::from_millis(100),
        ..TimeLimits::default()
    };
    let running = RunningServer::start_with(|_| {}, limits);
    running.published.publish(large_series());

    let started = Instant::now();
    let mut silent = connect(&running, b"GET / HTTP/1.1\r\nhost:");
    let mut answer = Vec::new();
    let _ = silent.read_to_end(&mut answer); // with or without an error
    assert!(started.elapsed() < Duration::from_secs(10));

    let mut stalled = connect(&running, b"GET /metrics HTTP/1.1\r\nhost: test\r\n\r\n");
    thread::sleep(Duration::from_millis(1_000));
    let mut answer = Vec::new();
    let _ = stalled.read_to_end(&mut answer);
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
    assert!(answer.len() < 20_000_000, "{}", answer.len());
}

#[test]
fn shutdown_has_a_deadline() {
    let limits = TimeLimits {
        drain: Duration::from_millis(100),
        ..TimeLimits::default()
    };
    let mut running = RunningServer::start_with(|_| {}, limits);
    running.published.publish(large_series());
    let _stalled = connect(&running, b"GET /metrics HTTP/1.1\r\nhost: test\r\n\r\n");
    thread::sleep(Duration::from_millis(300));
    running.stop();
    let started = Instant::now();
    drop(running);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_panic_fails_only_the_scrape() {
    let running = RunningServer::start();
    fn broken(_: &mut dyn Visitor) {
        panic!("broken series");
    }
    running.published.publish(kpis(TestKpis {
        report: || panic!("broken report"),
        visit: broken,
    }));
    for _ in 0..5 {
        assert_eq!(running.get("/metrics").status(), 500);
        assert_eq!(running.get("/").status(), 500);
    }
    running.published.publish(backlog_of(3.0));
    assert_eq!(running.get("/metrics").status(), 200);
}
