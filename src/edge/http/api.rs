//! The JSON API, with numbers in base units (`docs/reference/http-api.md`).

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::context::WebContext;
use super::parameters::{ATTRIBUTE, Parameters, goal_query};
use super::scrape::compute;
use super::tickets::{NoTicketList, ask};
use crate::engine::DimensionValues;

#[derive(Serialize)]
struct ApiProblem<'a> {
    error: &'a str,
    /// Why the exporter is not ready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
}

/// `/api/v1/kpis`: the numbers of every team, or of the named ones, and their parts by priority and attributes if a
/// parameter asks for them.
pub(super) async fn kpis(State(context): State<WebContext>, RawQuery(query): RawQuery) -> Response {
    let parameters = Parameters::parse(query.as_deref());
    let wanted = match CohortFilter::read(&parameters) {
        Ok(wanted) => wanted,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &error),
    };
    let teams = parameters.all("team");
    let body = compute(&context, move |context| {
        let kpis = context.published.view().kpis?;
        let mut report = kpis.report();
        if !teams.is_empty() {
            report.teams.retain(|team| teams.contains(&team.team));
        }
        if let Some(wanted) = &wanted {
            for team in &mut report.teams {
                team.cohorts = kpis.cohorts(&team.team);
                team.cohorts.retain(|cohort| wanted.has(&cohort.tickets));
            }
        }
        Some(to_json(&report))
    });
    match body.await {
        Ok(Some(body)) => body,
        Ok(None) => unavailable(&context, "the KPIs are withheld until they are complete"),
        Err(response) => response,
    }
}

/// The wanted parts of a team. Windows and numbers of tickets are not known for parts.
struct CohortFilter {
    /// Empty: all priorities.
    priorities: Vec<String>,
    attributes: BTreeMap<String, Vec<String>>,
}

impl CohortFilter {
    /// `None`: no parameter asks for parts.
    fn read(parameters: &Parameters) -> Result<Option<Self>, String> {
        parameters.only(&["team", "priority", ATTRIBUTE, "cohorts"])?;
        let is_wanted = match parameters.last("cohorts") {
            None | Some("false") => false,
            Some("true") => true,
            Some(text) => return Err(format!("cohorts must be true or false, not {text:?}")),
        };
        let filter = Self {
            priorities: parameters.all("priority"),
            attributes: parameters.attributes(),
        };
        let selects = !filter.priorities.is_empty() || !filter.attributes.is_empty();
        Ok((is_wanted || selects).then_some(filter))
    }

    fn has(&self, tickets: &DimensionValues) -> bool {
        let priority = tickets.priority.as_ref();
        let mut attributes = self.attributes.iter();
        (self.priorities.is_empty() || priority.is_some_and(|one| self.priorities.contains(one)))
            && attributes.all(|(name, values)| {
                let value = tickets.attributes.get(name);
                value.is_some_and(|value| values.contains(value))
            })
    }
}

/// `/api/v1/tickets`: goals at risk or overdue, with their tickets.
pub(super) async fn tickets(
    State(context): State<WebContext>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = match goal_query(&Parameters::parse(query.as_deref())) {
        Ok(query) => query,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &error),
    };
    match ask(&context, query).await {
        Ok(list) => to_json(&list),
        Err(no_answer @ NoTicketList::NotAllowed) => {
            problem(StatusCode::NOT_FOUND, &no_answer.to_string())
        }
        Err(no_answer) => unavailable(&context, &no_answer.to_string()),
    }
}

fn unavailable(context: &WebContext, error: &str) -> Response {
    let problem = ApiProblem {
        error,
        reasons: context.published.readiness().reasons(),
    };
    let head = [(RETRY_AFTER, "5")];
    (StatusCode::SERVICE_UNAVAILABLE, head, to_json(&problem)).into_response()
}

fn problem(status: StatusCode, error: &str) -> Response {
    let problem = ApiProblem {
        error,
        reasons: Vec::new(),
    };
    (status, to_json(&problem)).into_response()
}

fn to_json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(mut body) => {
            body.push(b'\n');
            ([(CONTENT_TYPE, "application/json")], body).into_response()
        }
        // Only a map whose keys are not text fails, and there is none.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_selected_by_priority_and_attributes() {
        let read = |query| CohortFilter::read(&Parameters::parse(Some(query)));
        let tickets = DimensionValues {
            team: None,
            priority: Some("p1".to_owned()),
            attributes: [("tier".to_owned(), "gold".to_owned())].into(),
        };
        for (query, is_in) in [
            ("cohorts=true", true),
            ("priority=p1&priority=p2", true),
            ("priority=p2", false),
            ("attribute.tier=gold&team=a", true),
            ("attribute.tier=gold&priority=p2", false),
            ("attribute.tier=none", false),
            ("attribute.product=gold", false),
        ] {
            let filter = read(query).unwrap().unwrap();
            assert_eq!(filter.has(&tickets), is_in, "{query}");
        }
        assert!(read("team=a&cohorts=false").unwrap().is_none());
        assert!(read("cohorts=yes").is_err() && read("tier=gold").is_err());
    }
}
