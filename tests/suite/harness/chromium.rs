//! A headless Chromium, controlled over the DevTools protocol
//! (<https://chromedevtools.github.io/devtools-protocol/>).
//!
//! The protocol uses two named pipes (`--remote-debugging-pipe`: JSON, each message ends with a zero byte)
//! instead of a WebSocket. So the tests need no port and no client library for a dozen methods.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::process::Process;
use super::tools;

/// Names of the program in Debian and elsewhere.
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// For one answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The protocol's pipes have the file descriptors 3 (commands) and 4 (answers).
const LAUNCH: &str = "exec \"$0\" \"$@\" 3<commands 4>answers";
/// Keys that tests press: the name, and the Windows code, which the protocol needs.
const TAB: (&str, u32) = ("Tab", 9);
const ENTER: (&str, u32) = ("Enter", 13);

/// A running browser with one page. It is stopped when dropped.
#[derive(Debug)]
pub(crate) struct Chromium {
    process: Process,
    commands: File,
    messages: Receiver<Value>,
    /// Received messages that are no answers, in order.
    events: Vec<Value>,
    next: u64,
    session: String,
    _folder: tempfile::TempDir,
    /// Browsers are large, so one runs at a time.
    _turn: MutexGuard<'static, ()>,
}

impl Chromium {
    #[track_caller]
    pub(crate) fn start() -> Self {
        static TURN: OnceLock<Mutex<()>> = OnceLock::new();
        let turn = TURN.get_or_init(Mutex::default).lock();
        let turn = turn.unwrap_or_else(std::sync::PoisonError::into_inner);
        let folder = tools::folder("chromium");
        let at = |name: &str| folder.path().join(name);
        let made = Command::new("mkfifo")
            .args([at("commands"), at("answers")])
            .status();
        assert!(made.unwrap().success(), "mkfifo");
        let mut arguments = vec!["-c".to_owned(), LAUNCH.to_owned(), program().to_owned()];
        arguments.extend(
            [
                "--headless=new",
                "--remote-debugging-pipe",
                // Chromium's own sandbox needs rights that containers do not have. The pages are our own.
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--force-color-profile=srgb",
                "about:blank",
            ]
            .map(str::to_owned),
        );
        arguments.push(format!("--user-data-dir={}", at("profile").display()));
        let home = folder.path().to_owned();
        let prepare = |command: &mut Command| {
            command.current_dir(&home).env("HOME", &home);
        };
        let process = Process::start(Path::new("sh"), &arguments, &prepare, &at("log"));
        let (commands, answers) = open_pipes(&folder.path().join("commands"), &at("answers"));
        let mut browser = Self {
            process,
            commands,
            messages: read_messages(answers),
            events: Vec::new(),
            next: 0,
            session: String::new(),
            _folder: folder,
            _turn: turn,
        };
        browser.attach();
        browser
    }

    fn attach(&mut self) {
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" }));
        let target = target["targetId"].as_str().unwrap().to_owned();
        let options = json!({ "targetId": target, "flatten": true });
        let session = self.call("Target.attachToTarget", options);
        session["sessionId"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.session);
        let enabled = json!({ "enabled": true });
        self.call("Page.setLifecycleEventsEnabled", enabled);
        for domain in ["Page", "Runtime", "Network", "Log", "Accessibility"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
    }

    /// Opens an address and waits until the page is loaded.
    #[track_caller]
    pub(crate) fn open(&mut self, url: &str) {
        self.events.clear();
        let answer = self.call("Page.navigate", json!({ "url": url }));
        assert!(answer.get("errorText").is_none(), "{url}: {answer}");
        // The event has to be about this page: an earlier page's event may still arrive.
        self.wait_for_event("Page.lifecycleEvent", |event| {
            event["name"] == json!("load") && event["loaderId"] == answer["loaderId"]
        });
    }

    /// Evaluates a JavaScript expression and awaits it.
    #[track_caller]
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let value = self.try_evaluate(expression);
        value.unwrap_or_else(|failure| panic!("{expression}: {failure}"))
    }

    /// Returns why there is no value, so that a test can wait while one page replaces another.
    fn try_evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let options = json!({
            "expression": expression, "returnByValue": true, "awaitPromise": true,
        });
        let answer = self.try_call("Runtime.evaluate", options)?;
        let failure = &answer["exceptionDetails"];
        if !failure.is_null() {
            return Err(failure.to_string());
        }
        Ok(answer["result"]["value"].clone())
    }

    #[track_caller]
    pub(crate) fn text(&mut self, expression: &str) -> String {
        let value = self.evaluate(expression);
        let text = value.as_str().map(ToOwned::to_owned);
        text.unwrap_or_else(|| panic!("{expression} gives {value}"))
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, expression: &str, patience: Duration) {
        let begun = Instant::now();
        while self.try_evaluate(expression) != Ok(json!(true)) {
            if begun.elapsed() > patience {
                let page = self.text("document.body.innerText");
                panic!("waited {patience:?} for {expression}; the page says\n{page}");
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Sets the window's size in CSS pixels.
    #[track_caller]
    pub(crate) fn resize(&mut self, width: u32, height: u32, phone: bool) {
        let options = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone,
        });
        self.call("Emulation.setDeviceMetricsOverride", options);
    }

    /// Sets the preferred color scheme: `light` or `dark`.
    #[track_caller]
    pub(crate) fn prefer_colors(&mut self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "features": [feature] }),
        );
    }

    /// Sets the viewer's time zone, such as `Europe/Berlin`.
    #[track_caller]
    pub(crate) fn in_zone(&mut self, zone: &str) {
        self.call(
            "Emulation.setTimezoneOverride",
            json!({ "timezoneId": zone }),
        );
    }

    /// Sets whether pages may run scripts, from the next page on.
    #[track_caller]
    pub(crate) fn allow_scripts(&mut self, allowed: bool) {
        let options = json!({ "value": !allowed });
        self.call("Emulation.setScriptExecutionDisabled", options);
    }

    #[track_caller]
    pub(crate) fn press_tab(&mut self) {
        self.press(TAB, "");
    }

    #[track_caller]
    pub(crate) fn press_enter(&mut self) {
        self.press(ENTER, "\r");
    }

    fn press(&mut self, (name, code): (&str, u32), text: &str) {
        for kind in ["keyDown", "keyUp"] {
            let options = json!({
                "type": kind, "key": name, "code": name, "text": text,
                "windowsVirtualKeyCode": code,
            });
            self.call("Input.dispatchKeyEvent", options);
        }
    }

    /// The accessibility tree, as pairs of role and name, in the order of the page.
    #[track_caller]
    pub(crate) fn accessibility(&mut self) -> Vec<(String, String)> {
        let tree = self.call("Accessibility.getFullAXTree", json!({}));
        let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
        let word = |node: &Value, what: &str| {
            let value = node[what]["value"].as_str();
            value.unwrap_or_default().to_owned()
        };
        let visible = nodes.iter().filter(|node| node["ignored"] == json!(false));
        visible
            .map(|node| (word(node, "role"), word(node, "name")))
            .collect()
    }

    /// A PNG of the top of the page.
    #[track_caller]
    pub(crate) fn screenshot(&mut self) -> Vec<u8> {
        use base64::Engine as _;
        let options = json!({ "format": "png" });
        let answer = self.call("Page.captureScreenshot", options);
        let data = answer["data"].as_str().unwrap();
        base64::prelude::BASE64_STANDARD.decode(data).unwrap()
    }

    /// Errors, warnings and exceptions since the page was opened.
    #[track_caller]
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        self.collect_events();
        let is_complaint = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => event["params"]["type"] != json!("log"),
            Some("Log.entryAdded") => true,
            _ => false,
        };
        self.events
            .iter()
            .filter(is_complaint)
            .map(ToString::to_string)
            .collect()
    }

    /// Addresses that the page requested since it was opened, with counts.
    #[track_caller]
    pub(crate) fn requests(&mut self) -> BTreeMap<String, usize> {
        self.collect_events();
        let mut requests = BTreeMap::new();
        for event in &self.events {
            if event["method"] == json!("Network.requestWillBeSent") {
                let url = event["params"]["request"]["url"]
                    .as_str()
                    .unwrap_or_default();
                *requests.entry(url.to_owned()).or_default() += 1;
            }
        }
        requests
    }

    /// Reads pending events, up to the answer of a command.
    fn collect_events(&mut self) {
        self.call("Browser.getVersion", json!({}));
    }

    #[track_caller]
    fn wait_for_event(&mut self, method: &str, is_it: impl Fn(&Value) -> bool) {
        let begun = Instant::now();
        let fits = |event: &Value| event["method"] == json!(method) && is_it(&event["params"]);
        while !self.events.iter().any(fits) {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            match self.messages.recv_timeout(left) {
                Ok(message) => self.events.push(message),
                Err(_) => panic!("no {method}; {}", self.process.last_lines()),
            }
        }
    }

    /// Calls a method and waits for its answer.
    #[track_caller]
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        let answer = self.try_call(method, parameters);
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Returns the error of the answer, if it is one.
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "given where it is made")]
    fn try_call(&mut self, method: &str, parameters: Value) -> Result<Value, String> {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": parameters });
        let of_the_browser = method.starts_with("Target.") || method.starts_with("Browser.");
        if !of_the_browser {
            message["sessionId"] = json!(self.session);
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        self.commands.write_all(&bytes).unwrap();
        loop {
            let Ok(message) = self.messages.recv_timeout(PATIENCE) else {
                panic!("no answer to {method}; {}", self.process.last_lines());
            };
            if message["id"] == json!(self.next) {
                return match message.get("error") {
                    Some(error) => Err(error.to_string()),
                    None => Ok(message["result"].clone()),
                };
            }
            self.events.push(message);
        }
    }
}

fn program() -> &'static str {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = PROGRAMS
        .into_iter()
        .find(|program| std::env::split_paths(&path).any(|folder| folder.join(program).exists()));
    found.expect("chromium is missing. Run tests/setup once; it installs what the tests need.")
}

/// Opens our ends of the pipes. Opening a named pipe waits for the other side, which opens them in this
/// order. A browser that never opens them must not block the test forever.
fn open_pipes(commands: &Path, answers: &Path) -> (File, File) {
    let (commands, answers) = (commands.to_owned(), answers.to_owned());
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let commands = File::options().write(true).open(commands);
        let answers = File::open(answers);
        let _ = sender.send((commands, answers));
    });
    let (commands, answers) = receiver
        .recv_timeout(PATIENCE)
        .expect("chromium did not start");
    (commands.unwrap(), answers.unwrap())
}

fn read_messages(answers: File) -> Receiver<Value> {
    let (sender, messages) = mpsc::channel();
    thread::spawn(move || {
        for message in BufReader::new(answers).split(0) {
            let Ok(message) = message else { return };
            let Ok(message) = serde_json::from_slice(&message) else {
                return;
            };
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    messages
}
