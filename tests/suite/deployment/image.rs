//! The image, as far as it can be tested without an engine: pinned versions, the user, and complete
//! sources. `deploy/docker/build` builds it, also without an engine. That takes minutes, so only the
//! release does it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{read, said, text};
use crate::harness::{binary, document, folder, free_port, repository};

const DOCKERFILE: &str = "deploy/docker/Dockerfile";

/// Instructions with their arguments, lines joined, without comments.
fn instructions() -> Vec<(String, String)> {
    let lines = read(DOCKERFILE);
    let lines: Vec<&str> = lines
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let words = joined.lines().filter_map(|line| line.split_once(' '));
    words
        .map(|(name, rest)| {
            (
                name.to_owned(),
                rest.split_whitespace().collect::<Vec<_>>().join(" "),
            )
        })
        .collect()
}

/// The arguments of an instruction in the final stage.
#[track_caller]
fn last(name: &str) -> String {
    let all = instructions();
    let stage = all.iter().rposition(|(name, _)| name == "FROM").unwrap();
    let found = all[stage..].iter().rfind(|(one, _)| one == name);
    found.unwrap_or_else(|| panic!("no {name}")).1.clone()
}

/// The files that `Dockerfile.dockerignore` lets through: it excludes everything and names exceptions.
fn context() -> Vec<PathBuf> {
    let ignored = read("deploy/docker/Dockerfile.dockerignore");
    let lines: Vec<&str> = ignored
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(lines[0], "*");
    let exceptions = lines[1..]
        .iter()
        .map(|line| line.strip_prefix('!').unwrap());
    exceptions.map(PathBuf::from).collect()
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}

#[test]
fn base_images_are_pinned() {
    let all = instructions();
    let stages: Vec<&str> = all
        .iter()
        .filter(|(name, _)| name == "FROM")
        .map(|(_, image)| image.as_str())
        .collect();
    assert_eq!(stages, ["${BUILD_IMAGE} AS build", "scratch"]);
    let toolchain = env!("CARGO_PKG_RUST_VERSION");
    let image = format!("BUILD_IMAGE=docker.io/library/rust:{toolchain}.0-bookworm");
    assert!(
        all.contains(&("ARG".to_owned(), image.clone())),
        "no {image}"
    );
}

#[test]
fn it_runs_as_a_numeric_user_and_has_a_health_check() {
    let user = last("USER");
    let (user, group) = user.split_once(':').unwrap();
    assert!(user.parse::<u32>().unwrap() >= 10_000 && group.parse::<u32>().unwrap() >= 10_000);
    assert_eq!(last("ENTRYPOINT"), "[\"/usr/bin/ticket-exporter\"]");
    assert!(last("HEALTHCHECK").ends_with("CMD [\"/usr/bin/ticket-exporter\", \"healthcheck\"]"));
    let volume = last("VOLUME");
    let directory = volume.trim_matches(['[', ']', '"']);
    let setting = format!("TICKET_EXPORTER_CHECKPOINT_DIRECTORY={directory}");
    assert!(last("ENV").contains(&setting));
    let labels = last("LABEL");
    for label in ["title", "description", "licenses", "version", "revision"] {
        let name = format!("org.opencontainers.image.{label}=");
        assert!(labels.contains(&name), "{labels}");
    }
    assert!(labels.contains("revision=\"${REVISION}\""));
    // The volume must belong to the user of the program.
    let owned = format!("--chown={user}:{group} /empty {directory}");
    let copies = instructions();
    assert!(
        copies
            .iter()
            .any(|(name, rest)| name == "COPY" && rest.ends_with(&owned))
    );
}

#[test]
fn the_context_has_everything_for_the_build() {
    let there = folder("context");
    for path in context() {
        let from = repository().join(&path);
        assert!(from.exists(), "{} is not there", path.display());
        copy(&from, &there.path().join(path));
    }
    // Cargo finds every target's source, and the lock file fits. It then fails, because the requested
    // program does not exist.
    let output = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--offline", "--bin", "no-such-program"])
        .current_dir(there.path())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("no bin target named"), "{errors}");
    let mut included = 0;
    let mut folders = vec![there.path().join("src")];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|one| one != "rs") {
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            for start in ["include_str!(\"", "include_bytes!(\""] {
                for rest in source.split(start).skip(1) {
                    let file = next.join(rest.split('"').next().unwrap());
                    // Tests may read files that the binary does not need.
                    let is_test = path.components().any(|part| part.as_os_str() == "tests")
                        || path.ends_with("tests.rs");
                    assert!(
                        is_test || file.exists(),
                        "{}: {}",
                        path.display(),
                        file.display()
                    );
                    included += 1;
                }
            }
        }
    }
    assert!(included > 3, "{included}");
}

#[test]
fn the_dockerfile_runs_the_build_script() {
    let all = instructions();
    let runs = all.iter().filter(|(name, _)| name == "RUN");
    let calls = runs.filter(|(_, rest)| rest.ends_with("deploy/docker/build /image"));
    assert_eq!(calls.count(), 1);
    let output = Command::new("sh")
        .arg("-n")
        .arg(repository().join("deploy/docker/build"))
        .output()
        .unwrap();
    said(output);
    let packages = all
        .iter()
        .find(|(name, rest)| name == "RUN" && rest.contains("apt-get install"));
    assert!(packages.unwrap().1.contains("musl-tools"));
}

/// Runs the exporter as the first process of a container, without an engine, and waits until its health
/// check succeeds. Needs root or sudo, as the package tests do.
const FIRST_PROCESS: &str = r#"
set -eu
if [ "$(id -u)" -ne 0 ]; then exec sudo -n bash -c "$SCRIPT" first-process "$@"; fi
cd "$1"
unshare --mount --pid --mount-proc --fork --kill-child -- "$2" --config.file=config.yaml >log 2>&1 &
exporter=$!
# unshare ignores SIGTERM; with it goes its child.
trap 'kill -KILL $exporter' EXIT
for _ in $(seq 300); do
  first=$(tr -d ' ' <"/proc/$exporter/task/$exporter/children")
  if [ -n "$first" ]; then
    nsenter --target "$first" --pid --mount -- "$2" healthcheck >said 2>&1 && exit
  fi
  sleep 0.1
done
cat said log
exit 1
"#;

#[test]
fn the_health_check_finds_the_flags_of_the_container() {
    let there = folder("first-process");
    let port = free_port();
    let config = format!(
        "kafka: {{ brokers: [\"localhost:1\"] }}\nweb: {{ listen: [\"127.0.0.1:{port}\"] }}\n"
    );
    fs::write(there.path().join("config.yaml"), config).unwrap();
    let output = Command::new("bash")
        .args(["-c", FIRST_PROCESS, "first-process"])
        .arg(there.path())
        .arg(binary())
        .env("SCRIPT", FIRST_PROCESS)
        .output()
        .unwrap();
    said(output);
    // The health check understands the command of the README.
    let page = read("docs/how-to/docker.md");
    assert!(
        page.contains("ticket-exporter:local --config.file="),
        "{page}"
    );
}

/// Names and tags of images in the commands of a document.
fn tags(page: &str) -> Vec<String> {
    let words: Vec<&str> = page.split_whitespace().collect();
    let pairs = words.windows(2).filter(|pair| pair[0] == "-t");
    pairs
        .map(|pair| pair[1].trim_matches('`').to_owned())
        .collect()
}

#[test]
fn documents_build_the_image_of_the_compose_stack() {
    let compose = document("deploy/compose/compose.yaml");
    let services = compose["services"].as_object().unwrap();
    let built: BTreeSet<&str> = services
        .values()
        .filter(|service| service["build"].is_object())
        .map(|service| text(&service["image"]))
        .collect();
    assert_eq!(built, ["ticket-exporter:local"].into());
    for path in [
        "docs/how-to/docker.md",
        "docs/how-to/compose.md",
        DOCKERFILE,
    ] {
        let tags = tags(&read(path));
        assert_eq!(tags, ["ticket-exporter:local"], "{path}");
    }
}
