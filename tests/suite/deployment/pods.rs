//! Every pod meets the level "restricted" of the pod security standards
//! (<https://kubernetes.io/docs/concepts/security/pod-security-standards/>), writes to volumes only, and
//! has probes that work.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{CASES, checked, files, list, name_of, of, rendered, said, template, text, the};
use crate::harness::command;

/// Pod specifications with the names of their owners.
fn pods(objects: &[Value]) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for kind in ["StatefulSet", "Deployment"] {
        for set in of(objects, kind) {
            found.push((kind.to_owned(), set["spec"]["template"]["spec"].clone()));
        }
    }
    for pod in of(objects, "Pod") {
        found.push(("Pod".to_owned(), pod["spec"].clone()));
    }
    found
}

#[test]
fn every_pod_is_restricted() {
    let mut seen = 0;
    for values in files(&format!("{CASES}/values"), "yaml") {
        let objects = checked(&said(template(&values, &[])));
        for (kind, pod) in pods(&objects) {
            seen += 1;
            let place = format!("{} {kind}", name_of(&values));
            let security = &pod["securityContext"];
            assert_eq!(security["runAsNonRoot"], true, "{place}");
            let user = security["runAsUser"].as_u64();
            // OpenShift refuses a pod that requests a user; it assigns one that is not root.
            if name_of(&values) == "openshift.yaml" {
                for member in ["runAsUser", "runAsGroup", "fsGroup"] {
                    assert!(security[member].is_null(), "{place}: {member}");
                }
            } else {
                assert!(user.unwrap() >= 10_000, "{place}");
            }
            assert_eq!(
                security["seccompProfile"]["type"], "RuntimeDefault",
                "{place}"
            );
            assert_eq!(pod["automountServiceAccountToken"], false, "{place}");
            assert_eq!(pod["enableServiceLinks"], false, "{place}");
            for member in ["hostNetwork", "hostPID", "hostIPC"] {
                assert!(pod[member].is_null(), "{place}: {member}");
            }
            let volumes = pod["volumes"].as_array().unwrap();
            assert!(
                volumes.iter().all(|one| one["hostPath"].is_null()),
                "{place}"
            );
            let first = pod["initContainers"].as_array().into_iter().flatten();
            for container in first.chain(list(&pod["containers"])) {
                let security = &container["securityContext"];
                assert_eq!(security["allowPrivilegeEscalation"], false, "{place}");
                assert_eq!(security["readOnlyRootFilesystem"], true, "{place}");
                assert_eq!(
                    security["capabilities"],
                    json!({"drop": ["ALL"]}),
                    "{place}"
                );
                assert!(
                    container["resources"]["limits"]["memory"].is_string(),
                    "{place}"
                );
                let image = text(&container["image"]);
                assert!(
                    image.contains(':') && !image.ends_with(":latest"),
                    "{image}"
                );
            }
        }
    }
    assert!(seen > 12, "{seen}");
}

#[test]
fn probes_ask_what_the_program_answers() {
    let healthcheck = |more: &[&str]| {
        let all = [&["/usr/bin/ticket-exporter", "healthcheck"], more].concat();
        json!({ "exec": { "command": all } })
    };
    let request = |path: &str, scheme: &str| json!({ "httpGet": { "path": path, "port": "http", "scheme": scheme } });
    let file = "--web.config.file=/etc/ticket-exporter/web/web.yml";
    let own = "--web.config.file=/etc/ticket-exporter/web/web-config.yml";
    let certificate = [
        "--ready",
        "--cert=/etc/ticket-exporter/probe-tls/tls.crt",
        "--key=/etc/ticket-exporter/probe-tls/tls.key",
        file,
    ];
    let password = [
        "--ready",
        "--username=kubelet",
        "--password-file=/etc/ticket-exporter/probe-login/password",
        own,
    ];
    for (name, alive, ready) in [
        (
            "minimal",
            request("/-/healthy", "HTTP"),
            request("/-/ready", "HTTP"),
        ),
        (
            "certificate",
            request("/-/healthy", "HTTPS"),
            request("/-/ready", "HTTPS"),
        ),
        (
            "client-certificates",
            healthcheck(&[file]),
            healthcheck(&certificate),
        ),
        // Without a client certificate the probe could not learn whether it is ready.
        ("web-file", healthcheck(&[file]), healthcheck(&[file])),
        ("passwords", healthcheck(&[own]), healthcheck(&password)),
        ("standby", healthcheck(&[]), healthcheck(&["--ready"])),
    ] {
        let objects = rendered(name);
        let spec = &the(&objects, "StatefulSet")["spec"]["template"]["spec"];
        let container = &list(&spec["containers"])[0];
        for (probe, expected) in [
            ("startupProbe", &alive),
            ("livenessProbe", &alive),
            ("readinessProbe", &ready),
        ] {
            for (member, value) in expected.as_object().unwrap() {
                assert_eq!(container[probe][member], *value, "{name} {probe}");
            }
        }
    }
}

#[test]
fn it_writes_to_volumes_only_and_its_group_reads_the_secrets() {
    let objects = rendered("everything");
    let spec = &the(&objects, "StatefulSet")["spec"];
    let pod = &spec["template"]["spec"];
    let container = &list(&pod["containers"])[0];
    let writable: BTreeSet<&str> = list(&container["volumeMounts"])
        .iter()
        .filter(|mount| mount["readOnly"] != true)
        .map(|mount| text(&mount["mountPath"]))
        .collect();
    assert_eq!(writable, ["/tmp", "/var/lib/ticket-exporter"].into());
    let names = |member: &str| -> Vec<&str> {
        let containers = list(&pod[member]).iter();
        containers.map(|one| text(&one["name"])).collect()
    };
    assert_eq!(names("containers"), ["ticket-exporter", "proxy"]);
    assert_eq!(names("initContainers"), ["wait-for-kafka"]);
    assert_eq!(pod["dnsConfig"]["nameservers"], json!(["10.0.0.10"]));
    assert_eq!(pod["dnsPolicy"], "None");
    for volume in list(&pod["volumes"]) {
        if volume["secret"].is_object() {
            assert_eq!(volume["secret"]["defaultMode"], 0o440, "{volume}");
        }
    }
    let claim = &list(&spec["volumeClaimTemplates"])[0];
    assert_eq!(claim["metadata"]["name"], "checkpoint");
    let standby = rendered("standby");
    let spec = &the(&standby, "StatefulSet")["spec"];
    assert!(spec["volumeClaimTemplates"].is_null());
}

/// The program knows the flags and variables of a pod.
#[test]
fn the_program_knows_its_flags_and_variables() {
    let keys = said(
        command()
            .args(["check-config", "--print-keys"])
            .output()
            .unwrap(),
    );
    for values in files(&format!("{CASES}/values"), "yaml") {
        let objects = checked(&said(template(&values, &[])));
        for (kind, pod) in pods(&objects) {
            let container = &list(&pod["containers"])[0];
            let arguments: Vec<&str> = list(&container["args"]).iter().map(text).collect();
            let help = said(command().args([arguments[0], "--help"]).output().unwrap());
            for argument in &arguments[1..] {
                let flag = argument.split('=').next().unwrap();
                let place = format!("{} {kind}: {flag}", name_of(&values));
                assert!(help.split_whitespace().any(|word| word == flag), "{place}");
            }
            for variable in list(&container["env"]) {
                let name = text(&variable["name"]);
                let known = keys.contains(&format!("`{name}`"))
                    || help.contains(name)
                    || name.starts_with("TICKET_EXPORTER_KAFKA_PROPERTIES_");
                assert!(known, "{}: {name}", name_of(&values));
            }
        }
    }
}

#[test]
fn behind_an_ingress_all_requests_use_the_prefix() {
    for (name, prefix, metrics) in [
        ("ingress", "/tickets", "/tickets/kpis"),
        ("ingress-without-path", "", "/metrics"),
    ] {
        let objects = rendered(name);
        let pod = &the(&objects, "StatefulSet")["spec"]["template"]["spec"];
        let container = &list(&pod["containers"])[0];
        for (probe, path) in [("livenessProbe", "healthy"), ("readinessProbe", "ready")] {
            let asked = &container[probe]["httpGet"]["path"];
            assert_eq!(*asked, format!("{prefix}/-/{path}"), "{name}");
        }
        let monitor = &the(&objects, "ServiceMonitor")["spec"];
        assert_eq!(list(&monitor["endpoints"])[0]["path"], metrics, "{name}");
        let test = &list(&the(&objects, "Pod")["spec"]["containers"])[0];
        let url = text(&list(&test["args"])[1]);
        let end = format!(".svc:10047{prefix}");
        assert!(
            url.starts_with("--url=http://") && url.ends_with(&end),
            "{url}"
        );
    }
}
