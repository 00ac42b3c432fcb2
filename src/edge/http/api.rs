//! The JSON API, with numbers in base units (`docs/reference/http-api.md`).

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::context::WebContext;
use super::parameters::{Parameters, goal_query};
use super::scrape::compute;
use super::tickets::{NoTicketList, ask};

#[derive(Serialize)]
struct ApiProblem<'a> {
    error: &'a str,
    /// Why the exporter is not ready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
}

/// `/api/v1/kpis`: the numbers of every team, or of the named ones.
pub(super) async fn kpis(State(context): State<WebContext>, RawQuery(query): RawQuery) -> Response {
    let parameters = Parameters::parse(query.as_deref());
    if let Err(error) = parameters.only(&["team"]) {
        return problem(StatusCode::BAD_REQUEST, &error);
    }
    let teams = parameters.all("team");
    let body = compute(&context, move |context| {
        let mut report = context.published.view().kpis?.report();
        if !teams.is_empty() {
            report.teams.retain(|team| teams.contains(&team.team));
        }
        Some(to_json(&report))
    });
    match body.await {
        Ok(Some(body)) => body,
        Ok(None) => unavailable(&context, "the KPIs are withheld until they are complete"),
        Err(response) => response,
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
