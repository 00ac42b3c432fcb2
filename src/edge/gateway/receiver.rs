//! Receives requests and answers them.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use tokio::time::timeout;
use tracing::debug;

use super::answer::HookRefusal;
use super::body::{self, BodyMemory, ReservedMemory};
use super::hooks::{HookTable, LiveHook};
use super::metrics::{GatewayMetrics, NO_HOOK};
use super::prepare::{BodyForm, HookHead, PreparedRecord};
use crate::decode::webhook::BodyFormat;
use crate::domain::timestamp::Timestamp;
use crate::edge::http::{Readiness, harden, readiness_answer};
use crate::edge::kafka::{WebhookFailure, WebhookProducer, WebhookRecord};
use crate::edge::wall_clock;

/// The headers of a record that the receiver adds.
const HOOK: &str = "ticket_exporter.hook";
const RECEIVED: &str = "ticket_exporter.received_at";
/// A body of more bytes takes milliseconds, so a blocking thread prepares it.
const LARGE: usize = 64 << 10;
/// How much later than Kafka's client the receiver gives up.
const MARGIN: Duration = Duration::from_millis(200);

/// A reload replaces them together. A request keeps the hooks and the client that it has begun with.
pub struct ActiveHooks {
    pub hooks: HookTable,
    pub producer: Arc<WebhookProducer>,
}

/// Everything that a request needs.
pub struct WebhookReceiver {
    active: RwLock<Arc<ActiveHooks>>,
    pub metrics: Arc<GatewayMetrics>,
    pub readiness: Readiness,
    memory: BodyMemory,
}

impl WebhookReceiver {
    /// `buffer`: the bytes of all bodies in memory.
    pub fn new(
        active: ActiveHooks,
        metrics: Arc<GatewayMetrics>,
        readiness: Readiness,
        buffer: usize,
    ) -> Self {
        metrics.add(active.hooks.names());
        Self {
            active: RwLock::new(Arc::new(active)),
            metrics,
            readiness,
            memory: BodyMemory::new(buffer),
        }
    }

    pub fn active(&self) -> Arc<ActiveHooks> {
        let active = self.active.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&active)
    }

    /// Returns the hooks before, which requests in progress still use.
    pub fn replace(&self, new: ActiveHooks) -> Arc<ActiveHooks> {
        self.metrics.add(new.hooks.names());
        let mut active = self.active.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut active, Arc::new(new))
    }
}

/// The hooks, and health checks for load balancers.
pub fn hooks_router(receiver: Arc<WebhookReceiver>) -> Router {
    Router::new()
        .route("/hooks/{name}", any(receive))
        .route("/-/healthy", get(|| async { "healthy\n" }))
        .route("/-/ready", get(ready))
        .fallback(no_hook)
        .layer(map_response(harden))
        .with_state(receiver)
}

async fn ready(State(receiver): State<Arc<WebhookReceiver>>) -> Response {
    readiness_answer(&receiver.readiness)
}

async fn no_hook(State(receiver): State<Arc<WebhookReceiver>>) -> Response {
    let counted = receiver.metrics.begin(NO_HOOK);
    let response = HookRefusal::NoHook.into_response();
    counted.end(response.status().as_u16());
    response
}

async fn receive(
    State(receiver): State<Arc<WebhookReceiver>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let active = receiver.active();
    let Some(hook) = active.hooks.get(&name) else {
        return no_hook(State(receiver)).await;
    };
    let counted = receiver.metrics.begin(&name);
    let response = match accept(&receiver, &active.producer, &hook, request).await {
        Ok(text) => text.into_response(),
        Err(refusal) => {
            debug!(hook = name, reason = %refusal, "webhook refused");
            refusal.into_response()
        }
    };
    counted.end(response.status().as_u16());
    response
}

/// Returns the text of the answer when Kafka has acknowledged the request.
async fn accept(
    receiver: &WebhookReceiver,
    producer: &WebhookProducer,
    hook: &Arc<LiveHook>,
    request: Request,
) -> Result<&'static str, HookRefusal> {
    let name = hook.name.as_str();
    match *request.method() {
        Method::POST => {}
        // Intercom checks with HEAD that an address exists before it sends webhooks there.
        Method::HEAD => return Ok(""),
        _ => return Err(HookRefusal::NotPost),
    }
    let received = wall_clock::now();
    let (parts, body) = request.into_parts();
    let head = read_head(hook, &parts);
    let covers_body = hook.settings.authentication.covers_body();
    if !covers_body {
        head.check(hook, &[], received)?;
    }
    let form = body_form(&parts.headers)?;
    let mut memory = receiver.memory.reserve_nothing();
    let body = body::read(body, hook.settings.max_body_bytes, &mut memory).await?;
    receiver
        .metrics
        .received_bytes(name)
        .inc_by(body.len() as u64);
    if covers_body {
        head.check(hook, &body, received)?;
    }
    let (head, records) = prepare(hook, (head, form, body), received, &mut memory).await?;
    let received_at = received.rfc3339();
    let mut headers: Vec<(&str, &[u8])> = head
        .headers()
        .into_iter()
        .filter(|(name, _)| {
            *name == CONTENT_TYPE.as_str() || hook.settings.headers.iter().any(|one| one == name)
        })
        .collect();
    headers.push((HOOK, name.as_bytes()));
    headers.push((RECEIVED, received_at.as_bytes()));
    let metrics = &receiver.metrics;
    let started = Instant::now();
    write(
        producer,
        &hook.settings.topic,
        &records,
        &headers,
        received.0,
    )
    .await?;
    metrics.observe_produce(started.elapsed().as_secs_f64());
    let keyless = records.iter().filter(|record| record.key.is_none());
    metrics.keyless_records(name).inc_by(keyless.count() as u64);
    metrics.records(name).inc_by(records.len() as u64);
    Ok("accepted\n")
}

fn read_head(hook: &LiveHook, parts: &Parts) -> HookHead {
    let mut url = hook.settings.url.clone().unwrap_or_default();
    if let Some(query) = parts.uri.query() {
        url.push('?');
        url.push_str(query);
    }
    let headers = parts.headers.iter();
    HookHead {
        method: parts.method.as_str().to_owned(),
        url,
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
    }
}

/// How the body is to be read.
fn body_form(headers: &HeaderMap) -> Result<BodyForm, HookRefusal> {
    let content_type = text(headers, &CONTENT_TYPE).map_err(|()| HookRefusal::NotJsonType)?;
    let encoding = text(headers, &CONTENT_ENCODING).map_err(|()| HookRefusal::UnknownEncoding)?;
    Ok(BodyForm {
        format: BodyFormat::of(content_type).ok_or(HookRefusal::NotJsonType)?,
        is_gzip: match encoding.map(str::to_ascii_lowercase).as_deref() {
            None | Some("identity" | "") => false,
            Some("gzip" | "x-gzip") => true,
            Some(_) => return Err(HookRefusal::UnknownEncoding),
        },
    })
}

/// The value of a header, which must be text.
fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, ()> {
    let value = headers.get(name).map(|value| value.to_str());
    value.transpose().map_err(|_| ())
}

async fn prepare(
    hook: &Arc<LiveHook>,
    (head, form, body): (HookHead, BodyForm, Bytes),
    received: Timestamp,
    memory: &mut ReservedMemory,
) -> Result<(HookHead, Vec<PreparedRecord>), HookRefusal> {
    if form.is_gzip {
        memory.add_expanded(body.len(), hook.settings.max_expanded_bytes)?;
    }
    if !form.is_gzip && body.len() <= LARGE {
        let records = head.records(hook, form, body, received)?;
        return Ok((head, records));
    }
    let hook = Arc::clone(hook);
    let prepared = tokio::task::spawn_blocking(move || {
        let records = head.records(&hook, form, body, received)?;
        Ok((head, records))
    });
    let (head, records) = prepared.await.unwrap_or(Err(HookRefusal::Busy))?;
    memory.shrink_to(records.iter().map(|record| record.value.len()).sum());
    Ok((head, records))
}

/// Writes the records and waits for their acknowledgments. All records of a request count as one: if one
/// fails, the sender repeats all of them.
async fn write(
    producer: &WebhookProducer,
    topic: &str,
    records: &[PreparedRecord],
    headers: &[(&str, &[u8])],
    timestamp: i64,
) -> Result<(), WebhookFailure> {
    let records: Vec<WebhookRecord<'_>> = records
        .iter()
        .map(|record| WebhookRecord {
            key: record.key.as_deref(),
            value: &record.value,
        })
        .collect();
    let sent = producer.send(topic, &records, headers, timestamp)?;
    let acknowledged = timeout(producer.timeout() + MARGIN, sent.all()).await;
    acknowledged.unwrap_or(Err(WebhookFailure::NotAcknowledged))
}
