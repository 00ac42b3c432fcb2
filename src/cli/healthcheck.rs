//! `healthcheck`: checks whether an exporter responds. A mistake in the configuration file is no failure:
//! the file may have changed since the exporter read it, and a liveness probe must not stop a healthy
//! exporter.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::arguments::{CommandLineSettings, HealthcheckArguments};
use super::failure::{CommandFailure, CommandResult};
use super::main_process::{self, FIRST_PROCESS};
use super::terminal;
use crate::config::web_file::Pem;
use crate::config::{self, ConfigProblem, ListenAddress, RoutePrefix, SalvagedTls, Web};
use crate::edge::files::read_secret;
use crate::edge::http;
use crate::edge::probe::{Probe, ProbeReply, ProbeTls};

pub fn run(settings: &CommandLineSettings, arguments: &HealthcheckArguments) -> CommandResult {
    let main_process = (arguments.url.is_none() && settings.have_no_flags())
        .then(|| main_process::settings(Path::new(FIRST_PROCESS)))
        .flatten();
    let settings = main_process.as_ref().unwrap_or(settings);
    let (exporter, transports) = match &arguments.url {
        Some(url) => {
            let (is_tls, exporter) = ExporterAddress::of_url(url).ok_or_else(|| {
                CommandFailure::usage(
                    "--url is not an address; write http://host:port or https://host:port, with an \
                     optional path",
                )
            })?;
            // With a login, the server must present the certificate in the web configuration file.
            let transport = match is_tls {
                true if arguments.username.is_some() => {
                    let web = salvage_web(settings);
                    let tls = transports(&web)
                        .into_iter()
                        .find(|one| *one != Transport::Plain);
                    tls.unwrap_or(Transport::Tls(None))
                }
                true => Transport::Tls(None),
                false => Transport::Plain,
            };
            (exporter, vec![transport])
        }
        None => {
            let web = salvage_web(settings);
            (ExporterAddress::of(&web)?, transports(&web))
        }
    };
    let mut verdict = Err(String::new());
    for transport in &transports {
        let probe = probe(&exporter, transport, arguments)?;
        verdict = match probe.ask() {
            Err(error) => Err(format!("{} does not respond: {error}", exporter.address)),
            Ok(reply) => judge(&reply, arguments, probe.login.is_some()),
        };
        if verdict.is_ok() {
            break;
        }
    }
    let code = match &verdict {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    };
    let (Ok(text) | Err(text)) = verdict;
    terminal::print(&format!("{text}\n"))?;
    Ok(code)
}

#[derive(Debug, PartialEq, Eq)]
struct ExporterAddress {
    /// `host:port`
    address: String,
    /// The prefix of all paths, or empty.
    prefix: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Transport {
    Plain,
    /// The certificate of the server, if known.
    Tls(Option<Pem>),
}

impl ExporterAddress {
    fn of(web: &Web) -> CommandResult<Self> {
        Ok(Self {
            address: own_address(web)?,
            prefix: web.route_prefix.to_string(),
        })
    }

    /// Returns whether the URL means TLS, and the address.
    fn of_url(url: &str) -> Option<(bool, Self)> {
        let (is_tls, rest) = match url.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, url.strip_prefix("http://")?),
        };
        let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
        ListenAddress::parse(address).filter(|one| !matches!(one, ListenAddress::Every(_)))?;
        let exporter = Self {
            address: address.to_owned(),
            prefix: RoutePrefix::parse(path)?.to_string(),
        };
        Some((is_tls, exporter))
    }
}

/// Reads the web settings as far as possible, and reports mistakes.
fn salvage_web(settings: &CommandLineSettings) -> Web {
    let salvaged = settings.salvage_web();
    note(&salvaged.problems);
    salvaged.found
}

fn note(problems: &[ConfigProblem]) {
    for problem in problems {
        terminal::notify(&format!("note: {problem}"));
    }
}

/// The transports that an exporter with these settings may use, the most likely first.
fn transports(web: &Web) -> Vec<Transport> {
    let Some(path) = &web.config_file else {
        return vec![Transport::Plain];
    };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            terminal::notify(&format!("note: {} cannot be read: {error}", path.display()));
            return vec![Transport::Tls(None), Transport::Plain];
        }
    };
    let salvaged = config::salvage_tls(path, &text);
    note(&salvaged.problems);
    match salvaged.found {
        SalvagedTls::Present(certificate) => vec![Transport::Tls(certificate)],
        SalvagedTls::Absent if salvaged.problems.is_empty() => vec![Transport::Plain],
        SalvagedTls::Absent => vec![Transport::Plain, Transport::Tls(None)],
    }
}

fn probe(
    exporter: &ExporterAddress,
    transport: &Transport,
    arguments: &HealthcheckArguments,
) -> CommandResult<Probe> {
    let mut login = match (&arguments.username, &arguments.password_file) {
        (Some(name), Some(file)) => {
            let password = read_secret(file)
                .map_err(|error| CommandFailure::other(format!("{}: {error}", file.display())))?;
            Some((name.clone(), password))
        }
        _ => None,
    };
    let mut tls = None;
    if let Transport::Tls(certificate) = transport {
        let mut tls_settings = ProbeTls::default();
        if login.is_some() {
            match certificate.as_ref().map(http::leaf_certificate) {
                Some(Ok(certificate)) => tls_settings.expected = Some(certificate),
                // Any response proves that the exporter is alive, so the login is not needed.
                _ if !arguments.ready => login = None,
                Some(Err(problem)) => return Err(CommandFailure::other(problem)),
                None => {
                    return Err(CommandFailure::other(
                        "cannot send the password: the certificate of the server is not known; name \
                         the web configuration file with --web.config.file",
                    ));
                }
            }
        }
        if let (Some(certificate), Some(key)) = (&arguments.cert, &arguments.key) {
            let read = |path: &Path| {
                fs::read(path)
                    .map_err(|error| CommandFailure::other(format!("{}: {error}", path.display())))
            };
            tls_settings.own = Some((read(certificate)?, read(key)?));
        }
        tls = Some(tls_settings);
    }
    let page = if arguments.ready {
        "/-/ready"
    } else {
        "/-/healthy"
    };
    Ok(Probe {
        address: exporter.address.clone(),
        path: format!("{}{page}", exporter.prefix),
        tls,
        login,
        timeout: Duration::from_millis(arguments.timeout.unsigned_abs()),
    })
}

/// The first listen address, as this machine can connect to it.
fn own_address(web: &Web) -> CommandResult<String> {
    let address = match web.listen.first() {
        None | Some(ListenAddress::Every(0)) => None,
        Some(ListenAddress::Every(port)) => Some(format!("localhost:{port}")),
        Some(ListenAddress::Socket(socket)) if socket.port() == 0 => None,
        Some(ListenAddress::Socket(socket)) if socket.ip().is_unspecified() => {
            let port = socket.port();
            Some(if socket.is_ipv4() {
                format!("127.0.0.1:{port}")
            } else {
                format!("[::1]:{port}")
            })
        }
        Some(address @ (ListenAddress::Socket(_) | ListenAddress::Host(..))) => {
            Some(address.to_string())
        }
    };
    address.ok_or_else(|| CommandFailure::other("web.listen has no fixed port; give --url"))
}

/// The result as one line.
fn judge(
    reply: &ProbeReply,
    arguments: &HealthcheckArguments,
    logs_in: bool,
) -> Result<String, String> {
    let first_line = |text: &str| text.lines().collect::<Vec<_>>().join(" ");
    match reply {
        ProbeReply::Http { status: 200, text } => Ok(first_line(text)),
        ProbeReply::Http { status: 401, .. } if logs_in => {
            Err("the exporter rejects the name or password".to_owned())
        }
        ProbeReply::Http { status: 401, .. } if !arguments.ready => {
            Ok("healthy: the exporter responds and requires a password".to_owned())
        }
        ProbeReply::Http { status: 401, .. } => {
            Err("the exporter requires a password; give --username and --password-file".to_owned())
        }
        ProbeReply::WantsCertificate if arguments.cert.is_some() => {
            Err("the exporter rejects the client certificate".to_owned())
        }
        ProbeReply::WantsCertificate if !arguments.ready => {
            Ok("healthy: the exporter responds and requires a client certificate".to_owned())
        }
        ProbeReply::WantsCertificate => {
            Err("the exporter requires a client certificate; give --cert and --key".to_owned())
        }
        ProbeReply::Http { status, text } => Err(format!("{status} {}", first_line(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcard_addresses_become_local_ones() {
        for (listen, asked) in [
            (":10047", Some("localhost:10047")),
            ("0.0.0.0:80", Some("127.0.0.1:80")),
            ("[::]:80", Some("[::1]:80")),
            ("10.1.2.3:80", Some("10.1.2.3:80")),
            ("node1:80", Some("node1:80")),
            (":0", None),
            ("127.0.0.1:0", None),
        ] {
            let web = Web {
                listen: vec![ListenAddress::parse(listen).unwrap()],
                ..Web::default()
            };
            assert_eq!(own_address(&web).ok().as_deref(), asked, "{listen}");
        }
    }

    #[test]
    fn urls() {
        for (url, is_tls, address, prefix) in [
            ("https://a:1/", true, "a:1", ""),
            ("http://127.0.0.1:1", false, "127.0.0.1:1", ""),
            ("http://a:1/kpi/", false, "a:1", "/kpi"),
        ] {
            let exporter = ExporterAddress {
                address: address.to_owned(),
                prefix: prefix.to_owned(),
            };
            assert_eq!(
                ExporterAddress::of_url(url),
                Some((is_tls, exporter)),
                "{url}"
            );
        }
        for wrong in [
            "a:1",
            "http://:1",
            "https://a",
            "ftp://a:1",
            "http://me:x@a:1",
            "http://a:1/b?c",
        ] {
            assert_eq!(ExporterAddress::of_url(wrong), None, "{wrong}");
        }
    }
}
