//! The tools that `tests/setup` installs, and the message for a missing one.

use std::path::{Path, PathBuf};

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of the Kafka broker's jars.
pub(crate) fn kafka_jars() -> PathBuf {
    installed("kafka", "")
}

/// The schema registry's jar.
pub(crate) fn schema_registry() -> PathBuf {
    installed("schema_registry", "runner.jar")
}

pub(crate) fn prometheus() -> PathBuf {
    installed("prometheus", "prometheus")
}

pub(crate) fn promtool() -> PathBuf {
    installed("prometheus", "promtool")
}

pub(crate) fn alertmanager() -> PathBuf {
    installed("alertmanager", "alertmanager")
}

pub(crate) fn amtool() -> PathBuf {
    installed("alertmanager", "amtool")
}

/// A Python with the dashboard SDK.
pub(crate) fn python() -> PathBuf {
    installed("dashboards", "bin/python")
}

pub(crate) fn mdbook() -> PathBuf {
    installed("book", "bin/mdbook")
}

/// The folder of Grafana's components, which render the dashboards.
pub(crate) fn rendering() -> PathBuf {
    installed("rendering", "node_modules")
}

pub(crate) fn cargo_deb() -> PathBuf {
    installed("cargo-deb", "bin/cargo-deb")
}

/// The linter of GitHub workflows.
pub(crate) fn actionlint() -> PathBuf {
    installed("actionlint", "actionlint")
}

pub(crate) fn helm() -> PathBuf {
    installed("helm", "helm")
}

/// The folder of the Prometheus Operator's CRDs.
pub(crate) fn operator_types() -> PathBuf {
    installed("operator", "")
}

/// A program of the environment that checks the manifests of `deploy/`.
pub(crate) fn deployment(program: &str) -> PathBuf {
    installed("deployment", &format!("bin/{program}"))
}

/// A YAML file of the repository as JSON.
pub(crate) fn document(path: &str) -> serde_json::Value {
    let program =
        "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)";
    let output = std::process::Command::new(deployment("python"))
        .args(["-c", program])
        .arg(repository().join(path))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{path}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The cases in a folder of the repository, such as `tests/golden`: one folder each, in order.
pub(crate) fn cases(folder: &str) -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(repository().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

fn installed(tool: &str, file: &str) -> PathBuf {
    let tools = std::env::var_os("TICKET_EXPORTER_TEST_TOOLS")
        .map_or_else(|| "target/test-tools".into(), PathBuf::from);
    // As in tests/setup, a relative path starts at the repository.
    let folder = repository().join(tools).join(tool);
    // tests/setup writes the stamp last: without it the installation is incomplete.
    assert!(
        folder.join("stamp").exists(),
        "{tool} is missing: there is no finished install in {}.\n\
         Run tests/setup once; it installs what the tests need.",
        folder.display()
    );
    if file.is_empty() {
        folder
    } else {
        folder.join(file)
    }
}

/// A new folder under `target/tmp` that is removed when its value is dropped. Its name has the id of the
/// process, so that a later test process can remove the folders of a killed one.
pub(crate) fn folder(kind: &str) -> tempfile::TempDir {
    static SWEEP: std::sync::Once = std::sync::Once::new();
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(parent).unwrap();
    SWEEP.call_once(|| remove_left_overs(parent));
    tempfile::Builder::new()
        .prefix(&format!("{OURS}{}-{kind}-", std::process::id()))
        .tempdir_in(parent)
        .unwrap()
}

const OURS: &str = "test-";

fn remove_left_overs(parent: &Path) {
    for entry in std::fs::read_dir(parent).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        let owner = name
            .strip_prefix(OURS)
            .and_then(|rest| rest.split('-').next());
        let alive = |id: &str| Path::new("/proc").join(id).exists();
        // Without /proc it is not known whether the process still runs.
        if Path::new("/proc/self").exists() && owner.is_some_and(|id| !alive(id)) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[test]
fn a_missing_tool_names_the_script_that_installs_it() {
    let message = *std::panic::catch_unwind(|| installed("no such tool", ""))
        .unwrap_err()
        .downcast::<String>()
        .unwrap();
    assert!(message.contains("tests/setup"), "{message}");
}
