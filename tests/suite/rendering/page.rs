//! The page that renders dashboards, in a browser.

use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::harness::{Chromium, folder, rendering, repository};

/// A zone whose days do not begin with those of UTC.
const ZONE: &str = "Europe/Berlin";
/// The height of the window until the page is measured, in pixels.
const HEIGHT: u32 = 1_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// Waits for two frames, after which the new measurements are painted.
const DRAWN: &str =
    "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))";

pub(super) struct Page {
    browser: Chromium,
    url: String,
    /// Of the last rendering.
    theme: String,
    /// Of earlier loads of the page.
    complaints: Vec<String>,
    _folder: tempfile::TempDir,
}

/// The report of `tests/rendering/src/report.js` about a dashboard.
#[derive(Debug, Deserialize)]
pub(super) struct Drawing {
    pub(super) panels: Vec<Panel>,
    /// In pixels.
    pub(super) height: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct Panel {
    pub(super) title: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) error: Option<String>,
    pub(super) texts: Vec<Text>,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) legend: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Text {
    pub(super) text: String,
    /// As `rgb(204, 204, 220)`.
    pub(super) color: String,
}

/// The head of a column.
#[derive(Debug, Deserialize)]
pub(super) struct Column {
    pub(super) name: String,
    /// Whether it is inside its panel.
    pub(super) visible: bool,
    /// Whether its name is complete.
    pub(super) legible: bool,
}

impl Page {
    #[track_caller]
    pub(super) fn open() -> Self {
        let folder = folder("rendering");
        let source = repository().join("tests/rendering");
        let built = Command::new("node")
            .arg(source.join("build.mjs"))
            .arg(folder.path().join("page.js"))
            .env("NODE_PATH", rendering())
            .output()
            .expect("node is missing. Run tests/setup once; it installs what the tests need.");
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{said}");
        let page = folder.path().join("page.html");
        std::fs::copy(source.join("page.html"), &page).unwrap();
        let mut browser = Chromium::start();
        browser.in_zone(ZONE);
        Self {
            browser,
            url: format!("file://{}", page.display()),
            theme: String::new(),
            complaints: Vec::new(),
            _folder: folder,
        }
    }

    /// Renders a dashboard at a width and reports on it.
    #[track_caller]
    pub(super) fn draw(&mut self, request: &Value, width: u32) -> Drawing {
        let theme = request["theme"].as_str().unwrap();
        // Grafana's color schemes keep the colors of the first theme in use.
        if self.theme != theme {
            theme.clone_into(&mut self.theme);
            self.complaints.extend(self.browser.complaints());
            self.browser.open(&self.url);
            self.browser
                .wait_until("typeof draw === 'function'", PATIENCE);
        }
        self.browser.resize(width, HEIGHT, false);
        let drawn = self.browser.evaluate(&format!("draw({request})"));
        serde_json::from_value(drawn).unwrap()
    }

    /// A picture of the whole page, as PNG.
    #[track_caller]
    pub(super) fn picture(&mut self, width: u32, height: u32) -> Vec<u8> {
        self.browser.resize(width, height, false);
        self.browser.evaluate(DRAWN);
        self.browser.screenshot()
    }

    /// The errors of the page.
    #[track_caller]
    pub(super) fn complaints(&mut self) -> Vec<String> {
        let mut complaints = std::mem::take(&mut self.complaints);
        complaints.extend(self.browser.complaints());
        complaints
    }
}
