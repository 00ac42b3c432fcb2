//! Declares every metric: name, type, unit, help, labels, and how its values add up. The exposition, the
//! documentation, the dashboards and the alerting rules are generated from it or checked against it.

use super::named::named_enum;

named_enum! {
    /// The Prometheus type of a metric.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum MetricKind {
        Counter = "counter",
        Gauge = "gauge",
        Histogram = "histogram",
        /// A gauge with the label `quantile`, which the linter of Prometheus allows only for summaries.
        Untyped = "untyped",
    }
}

named_enum! {
    /// How the values of one series add up over parts of the work: over shards, and over instances.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Aggregation {
        /// Counters: the increase first, then the sum.
        Sum = "sum",
        Min = "min",
        Max = "max",
        /// The values do not add up. They are computed again from the merged observations.
        Distribution = "distribution",
    }
}

/// The source of the values of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricOrigin {
    /// Computed from events. Withheld until the consumer has caught up for the first time.
    Kpi,
    /// About the exporter itself. Always present.
    Exporter,
    /// About the receiver of webhooks, which is another process.
    Gateway,
}

/// One metric family.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// The name in the text format 0.0.4, where counters end in `_total`.
    pub name: &'static str,
    pub kind: MetricKind,
    pub origin: MetricOrigin,
    pub aggregation: Aggregation,
    /// One sentence without a period at its end.
    pub help: &'static str,
    /// The names of the labels, in the order of the exposition, without those that depend on the
    /// configuration.
    pub labels: &'static [&'static str],
}

impl Family {
    /// Whether the user's own attributes are labels, too, after `priority`.
    pub fn has_attributes(&self) -> bool {
        self.labels.contains(&"priority")
    }

    /// Whether `group` is the last label if the policies are in several groups.
    pub fn has_group(&self) -> bool {
        self.name.starts_with("ticket_sla_")
    }

    /// The names of all labels, in the order of the exposition. `attributes`: those of the user's own
    /// attributes that are labels.
    pub fn label_names<'a>(&self, attributes: &[&'a str], has_groups: bool) -> Vec<&'a str> {
        let mut names = Vec::new();
        for name in self.labels {
            names.push(*name);
            if *name == "priority" {
                names.extend(attributes);
            }
        }
        if has_groups && self.has_group() {
            names.push("group");
        }
        names
    }

    /// Whether its series only increase, so that they have a start time.
    pub fn is_cumulative(&self) -> bool {
        matches!(self.kind, MetricKind::Counter | MetricKind::Histogram)
    }

    /// The unit for `# UNIT` of OpenMetrics: `seconds` or none.
    pub fn unit(&self) -> Option<&'static str> {
        self.base_name().ends_with("_seconds").then_some("seconds")
    }

    /// The name without the `_total` of a counter, which is the family name of OpenMetrics.
    pub fn base_name(&self) -> &'static str {
        match self.kind {
            MetricKind::Counter => self.name.strip_suffix("_total").unwrap_or(self.name),
            MetricKind::Gauge | MetricKind::Histogram | MetricKind::Untyped => self.name,
        }
    }
}

macro_rules! families {
    ($($constant:ident = $origin:ident $kind:ident $aggregation:ident $name:literal [$($label:literal)*] $help:literal;)+) => {
        $(pub static $constant: Family = Family {
            name: $name,
            kind: MetricKind::$kind,
            origin: MetricOrigin::$origin,
            aggregation: Aggregation::$aggregation,
            help: $help,
            labels: &[$($label),*],
        };)+
        /// Every family, in the order of the exposition.
        pub static FAMILIES: &[&Family] = &[$(&$constant),+];
    };
}

families! {
    CREATED = Kpi Counter Sum "ticket_created_total" ["team" "priority" "channel"]
        "Tickets created";
    REPLIES = Kpi Counter Sum "ticket_replies_total" ["team" "priority"]
        "Public messages by human agents";
    SOLVED = Kpi Counter Sum "ticket_solved_total" ["team" "priority"]
        "Times a ticket was solved, counted at the event";
    REOPENED = Kpi Counter Sum "ticket_reopened_total" ["team" "priority"]
        "Times a solved or closed ticket was reopened, counted at the event";
    FINALIZED = Kpi Counter Sum "ticket_finalized_total" ["team" "priority" "first_contact" "reopened"]
        "Tickets finalized, by whether the first contact solved them; reopened: finalized again after an earlier end";
    UNANSWERED = Kpi Counter Sum "ticket_unanswered_total" ["team" "priority"]
        "Tickets finalized without a human reply";
    TRANSFERRED = Kpi Counter Sum "ticket_transferred_total" ["team" "priority"]
        "Times a ticket left the team for another one or for none";
    ESCALATED = Kpi Counter Sum "ticket_escalated_total" ["team" "priority"]
        "Escalations";
    WITHDRAWN = Kpi Counter Sum "ticket_withdrawn_total" ["team" "priority" "reason"]
        "Tickets withdrawn as merged, spam or deleted";
    STATUS_TIME = Kpi Counter Sum "ticket_status_seconds_total" ["team" "priority" "status"]
        "Time of tickets in a status, added when status, team or priority changes";
    CSAT_OFFERED = Kpi Counter Sum "ticket_csat_offered_total" ["team" "priority"]
        "Satisfaction surveys offered";
    CSAT_CHANGES = Kpi Counter Sum "ticket_csat_changes_total" ["team" "priority"]
        "Ratings changed by a customer after the first one";
    CSAT_RATINGS = Kpi Counter Sum "ticket_csat_ratings_total" ["team" "priority" "rating"]
        "First satisfaction ratings, as good, neutral or bad";
    FIRST_RESPONSE = Kpi Histogram Sum "ticket_first_response_seconds" ["team" "priority" "clock"]
        "Time from creation to the first human reply";
    NEXT_RESPONSE = Kpi Histogram Sum "ticket_next_response_seconds" ["team" "priority" "clock"]
        "Time from the oldest unanswered customer message to the next human reply";
    FIRST_RESOLUTION = Kpi Histogram Sum "ticket_first_resolution_seconds" ["team" "priority" "clock"]
        "Time from creation to the first time solved";
    FULL_RESOLUTION = Kpi Histogram Sum "ticket_full_resolution_seconds" ["team" "priority" "clock"]
        "Time from creation to the last time solved, without the solved time in between; observed when finalized";
    TEAM_OWNERSHIP = Kpi Histogram Sum "ticket_team_ownership_seconds" ["team" "priority" "clock"]
        "Time a team held a ticket until it handed it over or solved it";
    HANDLE = Kpi Histogram Sum "ticket_handle_seconds" ["team" "priority" "source"]
        "Working time of agents on a ticket; observed when finalized";
    ASSIGNMENT = Kpi Histogram Sum "ticket_assignment_seconds" ["team" "priority" "clock"]
        "Time from creation to the first assignee";
    REQUESTER_WAIT = Kpi Histogram Sum "ticket_requester_wait_seconds" ["team" "priority" "clock"]
        "Part of the full resolution time in which the requester waited: new, open or on hold; observed when finalized";
    AGENT_WAIT = Kpi Histogram Sum "ticket_agent_wait_seconds" ["team" "priority" "clock"]
        "Part of the full resolution time in which the ticket was pending; observed when finalized";
    SLA_GOALS = Kpi Counter Sum "ticket_sla_goals_total" ["team" "priority" "target" "policy"]
        "SLA goals decided: met at their end, or breached";
    SLA_BREACHES = Kpi Counter Sum "ticket_sla_breaches_total" ["team" "priority" "target" "policy"]
        "SLA goals breached, counted at the deadline";
    SLA_RUNNING = Kpi Gauge Sum "ticket_sla_running" ["team" "priority" "target"]
        "SLA goals running: neither breached, paused nor ended";
    SLA_PAUSED = Kpi Gauge Sum "ticket_sla_paused" ["team" "priority" "target"]
        "SLA goals paused by the status of their ticket";
    SLA_OVERDUE = Kpi Gauge Sum "ticket_sla_overdue" ["team" "priority" "target"]
        "SLA goals breached that have not ended";
    SLA_AT_RISK = Kpi Gauge Sum "ticket_sla_at_risk" ["team" "priority" "target" "within"]
        "SLA goals running whose deadline is near";
    SLA_NEXT_DEADLINE = Kpi Gauge Min "ticket_sla_next_deadline_timestamp_seconds" ["team" "priority" "target"]
        "Earliest deadline among the running SLA goals, in seconds since the epoch";
    SLA_TARGET = Kpi Gauge Max "ticket_sla_target_seconds" ["policy" "target" "clock"]
        "Configured duration of an SLA target";
    BACKLOG = Kpi Gauge Sum "ticket_backlog" ["team" "priority" "status"]
        "Unsolved tickets";
    BACKLOG_OLDER_THAN = Kpi Gauge Sum "ticket_backlog_older_than" ["team" "age"]
        "Unsolved tickets created longer ago than the age";
    BACKLOG_OLDEST = Kpi Gauge Min "ticket_backlog_oldest_created_timestamp_seconds" ["team"]
        "Creation time of the oldest unsolved ticket, in seconds since the epoch";
    AWAITING_FIRST_RESPONSE = Kpi Gauge Sum "ticket_awaiting_first_response" ["team" "priority"]
        "Unsolved tickets without a human reply";
    UNASSIGNED = Kpi Gauge Sum "ticket_unassigned" ["team" "priority"]
        "Unsolved tickets without an assignee";
    WINDOW_SECONDS = Kpi Untyped Distribution "ticket_window_seconds" ["team" "kpi" "clock" "window" "quantile"]
        "Quantile of a duration over the sliding event-time window";
    WINDOW_SECONDS_MEAN = Kpi Gauge Distribution "ticket_window_seconds_mean" ["team" "kpi" "clock" "window"]
        "Mean of a duration over the sliding event-time window";
    WINDOW_EVENTS = Kpi Gauge Sum "ticket_window_events" ["team" "event" "window"]
        "Exact count of events in the sliding event-time window";

    BUILD_INFO = Exporter Gauge Max "ticket_exporter_build_info" ["version" "revision" "rustc"]
        "Always 1, labeled with the build";
    EVENTS = Exporter Counter Sum "ticket_exporter_events_total" ["result"]
        "Records by result: applied, duplicate, ignored, rejected, dead_lettered";
    REJECTED = Exporter Counter Sum "ticket_exporter_rejected_total" ["reason"]
        "Records that are not a valid ticket event, by reason";
    IGNORED = Exporter Counter Sum "ticket_exporter_ignored_total" ["reason"]
        "Valid events without effect, and records that a mapping ignores, by reason";
    UNMAPPED = Exporter Counter Sum "ticket_exporter_unmapped_total" ["field"]
        "Words of other systems that the mapping does not have, by member of the event";
    TOPIC_USELESS = Exporter Gauge Max "ticket_exporter_topic_useless" ["topic"]
        "Whether none or almost none of the topic's records give events, most likely because of a wrong mapping";
    OUT_OF_ORDER = Exporter Counter Sum "ticket_exporter_out_of_order_total" []
        "Events earlier than the last one of their ticket, applied as of that one";
    STALE_STATE = Exporter Counter Sum "ticket_exporter_stale_state_total" ["member"]
        "Statements about a ticket that are older than the known one, and so ignored, by member of the event";
    MISROUTED = Exporter Counter Sum "ticket_exporter_misrouted_total" []
        "Tickets seen in a second partition: the producer does not key by ticket id";
    OVERFLOW = Exporter Counter Sum "ticket_exporter_overflow_total" ["label"]
        "Label values beyond their limit, exposed as __other__";
    CONSUMER_LAG = Exporter Gauge Sum "ticket_exporter_consumer_lag" ["topic" "partition"]
        "Records in the partition that are not processed yet";
    OPEN_TRANSACTION = Exporter Gauge Max "ticket_exporter_open_transaction" ["topic" "partition"]
        "Whether a transaction in the partition has been open for longer than stream.grace, so that the stream clock waits";
    WATERMARK = Exporter Gauge Min "ticket_exporter_watermark_timestamp_seconds" ["topic" "partition"]
        "Stream clock of the partition, in seconds since the epoch";
    WINDOWS_WATERMARK = Exporter Gauge Min "ticket_exporter_windows_watermark_timestamp_seconds" []
        "Clock of the windows, in seconds since the epoch: the stream clock furthest behind, or later if too many events wait for it";
    LAST_EVENT = Exporter Gauge Max "ticket_exporter_last_event_timestamp_seconds" []
        "Greatest event time seen, in seconds since the epoch";
    CAUGHT_UP = Exporter Gauge Min "ticket_exporter_caught_up" []
        "Whether every assigned partition has been read to its end since the start or the last assignment";
    PARTITIONS_ASSIGNED = Exporter Gauge Sum "ticket_exporter_partitions_assigned" []
        "Partitions assigned to this instance";
    TICKETS = Exporter Gauge Sum "ticket_exporter_tickets" ["state"]
        "Tickets in memory: open, solved, finalized, withdrawn";
    TIMERS = Exporter Gauge Sum "ticket_exporter_timers" []
        "Timers waiting on the stream clock";
    CHECKPOINT_DURATION = Exporter Histogram Sum "ticket_exporter_checkpoint_duration_seconds" []
        "Time a checkpoint takes, from the last record applied to the series published";
    LAST_CHECKPOINT = Exporter Gauge Min "ticket_exporter_last_checkpoint_timestamp_seconds" []
        "Time of the last checkpoint, in seconds since the epoch";
    CHECKPOINT_FAILURES = Exporter Counter Sum "ticket_exporter_checkpoint_failures_total" []
        "Failed attempts to write a checkpoint, which are repeated";
    CHECKPOINT_BYTES = Exporter Gauge Sum "ticket_exporter_checkpoint_bytes" []
        "Size of the checkpoint on disk";
    CHECKPOINT_OFFSET = Exporter Gauge Min "ticket_exporter_checkpoint_offset" ["topic" "partition"]
        "Offset of the first record that is not in the checkpoint, and so in no series";
    LOST_RECORDS = Exporter Counter Sum "ticket_exporter_lost_records_total" ["topic" "partition"]
        "Times that records were deleted before the consumer read them, or that the topic was recreated";
    TOPIC_MISSING = Exporter Gauge Max "ticket_exporter_topic_missing" ["topic"]
        "Whether a configured topic does not exist, which withholds all KPIs";
    DEAD_LETTERS_LOST = Exporter Counter Sum "ticket_exporter_dead_letters_lost_total" []
        "Rejected records that the dead-letter topic refused permanently";
    SCHEMA_REGISTRY_ERRORS = Exporter Counter Sum "ticket_exporter_schema_registry_errors_total" ["reason"]
        "Failed requests to the schema registry, which are repeated, by reason";
    SCHEMA_REGISTRY_WAITING = Exporter Gauge Max "ticket_exporter_schema_registry_waiting" []
        "Whether the consumer waits for a schema from the registry";
    BREACH_DETECTION = Exporter Histogram Sum "ticket_exporter_sla_breach_detection_seconds" []
        "Time from an SLA deadline to the publication of its breach, while caught up";
    SLA_OBJECTIVE = Exporter Gauge Max "ticket_exporter_sla_objective_ratio" ["policy" "target"]
        "Configured share of SLA goals to meet";
    CONFIG_RELOAD_SUCCESSFUL = Exporter Gauge Min "ticket_exporter_config_last_reload_successful" []
        "Whether the last configuration load succeeded";
    CONFIG_RELOAD_TIME = Exporter Gauge Min "ticket_exporter_config_last_reload_success_timestamp_seconds" []
        "Time of the last successful load of the configuration, in seconds since the epoch";
    WEB_REFUSED = Exporter Counter Sum "ticket_exporter_web_refused_total" ["reason"]
        "Connections and requests refused by the HTTP server, by reason";
    WEB_CONFIG_SUCCESSFUL = Exporter Gauge Min "ticket_exporter_web_config_last_reload_successful" []
        "Whether the current web configuration file and its certificates are in use; absent without such a file";
    WEB_CONFIG_TIME = Exporter Gauge Min "ticket_exporter_web_config_last_reload_success_timestamp_seconds" []
        "Time of the last successful load of the web configuration file, in seconds since the epoch";
    GATEWAY_REQUESTS = Gateway Counter Sum "ticket_gateway_requests_total" ["hook" "code"]
        "Webhook requests by status code of the answer; 499: the sender has gone before the answer";
    GATEWAY_REQUEST_DURATION = Gateway Histogram Sum "ticket_gateway_request_duration_seconds" ["hook"]
        "Time from the head of a webhook request to its answer";
    GATEWAY_PRODUCE_DURATION = Gateway Histogram Sum "ticket_gateway_produce_duration_seconds" []
        "Time until Kafka has acknowledged the records of a webhook request";
    GATEWAY_RECEIVED_BYTES = Gateway Counter Sum "ticket_gateway_received_bytes_total" ["hook"]
        "Bytes of webhook bodies, before gzip is expanded";
    GATEWAY_RECORDS = Gateway Counter Sum "ticket_gateway_records_total" ["hook"]
        "Records of webhooks that Kafka has acknowledged";
    GATEWAY_KEYLESS_RECORDS = Gateway Counter Sum "ticket_gateway_keyless_records_total" ["hook"]
        "Records of webhooks without a Kafka key, because no ticket was found in them";
    GATEWAY_IN_FLIGHT = Gateway Gauge Sum "ticket_gateway_requests_in_flight" []
        "Webhook requests that have no answer yet";
    GATEWAY_READY = Gateway Gauge Min "ticket_gateway_ready" []
        "Whether the gateway can write to the topics of its hooks";
}

pub fn family(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().copied().find(|family| family.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_follow_the_priority_and_the_group_comes_last() {
        let names = |family: &Family| family.label_names(&["tier", "product"], true).join(" ");
        assert_eq!(
            names(&SLA_GOALS),
            "team priority tier product target policy group"
        );
        assert_eq!(names(&REPLIES), "team priority tier product");
        assert_eq!(names(&BACKLOG_OLDEST), "team");
        assert_eq!(SLA_GOALS.label_names(&[], false), SLA_GOALS.labels);
    }

    #[test]
    fn names_follow_the_conventions() {
        for (position, family) in FAMILIES.iter().enumerate() {
            assert_eq!(
                family.kind == MetricKind::Counter,
                family.name.ends_with("_total"),
                "{}",
                family.name
            );
            assert!(
                !family.help.ends_with('.') && !family.help.is_empty(),
                "{}",
                family.name
            );
            assert!(
                !FAMILIES[..position]
                    .iter()
                    .any(|other| other.name == family.name),
                "{}",
                family.name
            );
            let origin = if family.name.starts_with("ticket_exporter_") {
                MetricOrigin::Exporter
            } else if family.name.starts_with("ticket_gateway_") {
                MetricOrigin::Gateway
            } else {
                MetricOrigin::Kpi
            };
            assert_eq!(family.origin, origin, "{}", family.name);
        }
    }

    #[test]
    fn values_add_up_as_their_kind_demands() {
        for family in FAMILIES {
            let allowed: &[Aggregation] = if family.is_cumulative() {
                &[Aggregation::Sum]
            } else if family.name.contains("_window_seconds") {
                &[Aggregation::Distribution]
            } else if family.name.ends_with("_timestamp_seconds")
                || family.name.ends_with("_info")
                || family.help.starts_with("Whether ")
                || family.help.starts_with("Configured ")
            {
                &[Aggregation::Min, Aggregation::Max]
            } else {
                &[Aggregation::Sum, Aggregation::Min]
            };
            assert!(allowed.contains(&family.aggregation), "{}", family.name);
        }
    }
}
