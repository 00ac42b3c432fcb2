//! Uploads dashboards with Grafana's HTTP API: `/api/folders`, `/api/dashboards/uid` and
//! `/api/dashboards/db`. A request blocks, and is not repeated.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::http_client::{
    CaFileError, HttpClient, HttpError, Request, RequestLimits, StatusCode, trusted,
};
use crate::dashboards::Dashboard;
use crate::domain::named::named_enum;

/// A large Grafana lists its folders in less.
const LARGEST_ANSWER: u64 = 16 << 20;
/// The folders that Grafana lists in one answer, at most.
const MOST_FOLDERS: usize = 1_000;
/// Enough of a message of Grafana to understand it, and not a page of HTML.
const MOST_MESSAGE: usize = 200;
/// Members that Grafana changes when it stores a dashboard.
const MEMBERS_OF_GRAFANA: [&str; 2] = ["id", "version"];

/// Why a dashboard is not in Grafana.
#[derive(Debug, thiserror::Error)]
pub enum GrafanaError {
    #[error("--ca-file: {0}; name a file with certificates in PEM")]
    CaFile(#[from] CaFileError),
    #[error("{url} gave no answer within {} s; check the address, or give a longer --timeout", .timeout.as_secs())]
    Timeout { url: String, timeout: Duration },
    #[error(
        "{url} cannot be reached: {source}; check the address, and --ca-file if the certificate is your own"
    )]
    Connection { url: String, source: HttpError },
    #[error(
        "{url} refused the token (401); create a new token of a service account in Grafana under Administration, \
         Users and access, Service accounts"
    )]
    Token { url: String },
    #[error(
        "{url} does not let the token {action} (403): {message}; give its service account the role Editor, or the \
         permission to edit this folder"
    )]
    Forbidden {
        url: String,
        action: String,
        message: String,
    },
    #[error(
        "{url} refused to {action} (412): {message}; rename or delete the object that is in the way in Grafana, then \
         run the command again"
    )]
    Conflict {
        url: String,
        action: String,
        message: String,
    },
    #[error(
        "Grafana at {url} reads the dashboard {uid} from a file, so it cannot be uploaded; remove that file, or replace \
         it with --format provisioning"
    )]
    Provisioned { url: String, uid: &'static str },
    #[error("{url} could not {action}: {status} {message}; the log of Grafana may say why")]
    Status {
        url: String,
        action: String,
        status: StatusCode,
        message: String,
    },
    #[error(
        "{url} does not answer as Grafana does ({status}); give the address that the browser shows, with its path \
         but without /d/…"
    )]
    OtherServer { url: String, status: StatusCode },
}

named_enum! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum DashboardUpload {
        Created = "created",
        Updated = "updated",
        Unchanged = "unchanged",
    }
}

#[derive(Debug)]
pub struct GrafanaClient {
    client: HttpClient,
    url: String,
    timeout: Duration,
    authorization: String,
}

/// A success with JSON, or the status and message of a failure.
type Answer = Result<Value, (StatusCode, String)>;

impl GrafanaClient {
    /// `url` has no slash at its end.
    ///
    /// # Errors
    /// The certificates cannot be read.
    pub fn new(
        url: &str,
        token: &str,
        ca_file: Option<&Path>,
        timeout: Duration,
    ) -> Result<Self, GrafanaError> {
        let limits = RequestLimits {
            timeout,
            largest_answer: LARGEST_ANSWER,
            // The redirected request would have neither the method nor the token.
            redirects: false,
        };
        Ok(Self {
            client: HttpClient::new(limits, trusted(ca_file)?),
            url: url.to_owned(),
            timeout,
            authorization: format!("Bearer {token}"),
        })
    }

    /// The uid of the folder with this title, which is created if there is none.
    pub fn folder(&self, title: &str) -> Result<String, GrafanaError> {
        let folders = match self.get(&format!("/api/folders?limit={MOST_FOLDERS}"))? {
            Err((status, _)) if status == StatusCode::NOT_FOUND => {
                let url = self.url.clone();
                return Err(GrafanaError::OtherServer { url, status });
            }
            answer => self.accepted(answer, "list the folders")?,
        };
        let folders = folders.as_array().into_iter().flatten();
        let mut same = folders.filter(|folder| folder["title"] == title);
        let folder = match same.next() {
            Some(folder) => folder.clone(),
            None => {
                let answer = self.post("/api/folders", &json!({"title": title}))?;
                self.accepted(answer, &format!("create the folder {title}"))?
            }
        };
        match folder["uid"].as_str() {
            Some(uid) => Ok(uid.to_owned()),
            None => Err(self.other_server()),
        }
    }

    /// Stores a dashboard in a folder, unless the same dashboard is there already.
    pub fn upload(
        &self,
        dashboard: &Dashboard,
        folder: &str,
    ) -> Result<DashboardUpload, GrafanaError> {
        let uid = dashboard.uid;
        let stored = match self.get(&format!("/api/dashboards/uid/{uid}"))? {
            Err((StatusCode::NOT_FOUND, _)) => None,
            answer => Some(self.accepted(answer, &format!("read the dashboard {uid}"))?),
        };
        let model = dashboard.model();
        if let Some(stored) = &stored {
            if stored["meta"]["provisioned"] == true {
                let url = self.url.clone();
                return Err(GrafanaError::Provisioned { url, uid });
            }
            if stored["meta"]["folderUid"] == folder
                && without_own_members(&stored["dashboard"]) == without_own_members(&model)
            {
                return Ok(DashboardUpload::Unchanged);
            }
        }
        let request = json!({
            "dashboard": model,
            "folderUid": folder,
            "message": concat!("ticket-exporter ", env!("CARGO_PKG_VERSION")),
            "overwrite": true,
        });
        let answer = self.post("/api/dashboards/db", &request)?;
        self.accepted(answer, &format!("store the dashboard {uid}"))?;
        Ok(match stored {
            Some(_) => DashboardUpload::Updated,
            None => DashboardUpload::Created,
        })
    }

    fn get(&self, path: &str) -> Result<Answer, GrafanaError> {
        let request = Request::get(format!("{}{path}", self.url))
            .header("Authorization", &self.authorization)
            .body(());
        self.answer(
            request
                .map_err(HttpError::from)
                .and_then(|request| self.client.send(request)),
        )
    }

    fn post(&self, path: &str, body: &Value) -> Result<Answer, GrafanaError> {
        let request = Request::post(format!("{}{path}", self.url))
            .header("Authorization", &self.authorization)
            .header("Content-Type", "application/json")
            .body(body.to_string());
        self.answer(
            request
                .map_err(HttpError::from)
                .and_then(|request| self.client.send(request)),
        )
    }

    fn answer(
        &self,
        answer: Result<super::http_client::Response<String>, HttpError>,
    ) -> Result<Answer, GrafanaError> {
        let url = self.url.clone();
        let answer = answer.map_err(|error| match error {
            HttpError::Timeout(_) => {
                let timeout = self.timeout;
                GrafanaError::Timeout { url, timeout }
            }
            source => GrafanaError::Connection { url, source },
        })?;
        let status = answer.status();
        let json = serde_json::from_str::<Value>(answer.body());
        if status.is_success() {
            return json.map(Ok).map_err(|_| self.other_server());
        }
        if status.is_redirection() {
            let url = self.url.clone();
            return Err(GrafanaError::OtherServer { url, status });
        }
        let json = json.unwrap_or_default();
        let message = json["message"].as_str().unwrap_or_default();
        let printable = message.chars().filter(|symbol| !symbol.is_control());
        Ok(Err((status, printable.take(MOST_MESSAGE).collect())))
    }

    /// The content of a success. `action` completes "the server did not …".
    fn accepted(&self, answer: Answer, action: &str) -> Result<Value, GrafanaError> {
        let (url, action) = (self.url.clone(), action.to_owned());
        answer.map_err(|(status, message)| match status {
            StatusCode::UNAUTHORIZED => GrafanaError::Token { url },
            StatusCode::FORBIDDEN => GrafanaError::Forbidden {
                url,
                action,
                message,
            },
            StatusCode::PRECONDITION_FAILED => GrafanaError::Conflict {
                url,
                action,
                message,
            },
            status => GrafanaError::Status {
                url,
                action,
                status,
                message,
            },
        })
    }

    fn other_server(&self) -> GrafanaError {
        GrafanaError::OtherServer {
            url: self.url.clone(),
            status: StatusCode::OK,
        }
    }
}

fn without_own_members(model: &Value) -> Value {
    let mut model = model.clone();
    if let Some(members) = model.as_object_mut() {
        members.retain(|name, _| !MEMBERS_OF_GRAFANA.contains(&name.as_str()));
    }
    model
}
