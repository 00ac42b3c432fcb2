//! `healthcheck`: whether an exporter answers. It judges the process and not its configuration file,
//! which may have been broken since the process started: a liveness probe would end a healthy one.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::arguments::{Healthcheck, Settings};
use super::failure::Failure;
use super::main_process::{self, FIRST_PROCESS};
use super::terminal;
use crate::config::web_file::Pem;
use crate::config::{self, ListenAddress, Problem, RoutePrefix, SalvagedTls, Web};
use crate::edge::http;
use crate::edge::probe::{Probe, Reply, Tls};

pub fn run(settings: &Settings, arguments: &Healthcheck) -> Result<ExitCode, Failure> {
    let main_process = (arguments.url.is_none() && settings.have_no_flags())
        .then(|| main_process::settings(Path::new(FIRST_PROCESS)))
        .flatten();
    let settings = main_process.as_ref().unwrap_or(settings);
    let (site, transports) = match &arguments.url {
        Some(url) => {
            let (is_tls, site) = Site::of_url(url).ok_or_else(|| {
                Failure::usage(
                    "--url must be http://host:port or https://host:port, with a path or none",
                )
            })?;
            // Only a login needs more than the URL: the certificate that the server has to show.
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
            (site, vec![transport])
        }
        None => {
            let web = salvage_web(settings);
            (Site::of(&web)?, transports(&web))
        }
    };
    let mut verdict = Err(String::new());
    for transport in &transports {
        let probe = probe(&site, transport, arguments)?;
        verdict = match probe.ask() {
            Err(error) => Err(format!("{} does not answer: {error}", site.address)),
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

/// Where an exporter answers.
#[derive(Debug, PartialEq, Eq)]
struct Site {
    /// `host:port`
    address: String,
    /// Empty, or what all paths begin with.
    prefix: String,
}

/// How an exporter may answer.
#[derive(Debug, PartialEq, Eq)]
enum Transport {
    Plain,
    /// With the certificate that it shows, where that can be told.
    Tls(Option<Pem>),
}

impl Site {
    /// The exporter of these settings.
    fn of(web: &Web) -> Result<Self, Failure> {
        Ok(Self {
            address: own_address(web)?,
            prefix: web.route_prefix.to_string(),
        })
    }

    /// Whether it is TLS, and where.
    fn of_url(url: &str) -> Option<(bool, Self)> {
        let (is_tls, rest) = match url.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, url.strip_prefix("http://")?),
        };
        let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
        ListenAddress::parse(address).filter(|one| !matches!(one, ListenAddress::Every(_)))?;
        let site = Self {
            address: address.to_owned(),
            prefix: RoutePrefix::parse(path)?.to_string(),
        };
        Some((is_tls, site))
    }
}

/// The web settings. Notes say what cannot be read, since the exporter may have other settings then.
fn salvage_web(settings: &Settings) -> Web {
    let salvaged = settings.salvage_web();
    note(&salvaged.problems);
    salvaged.found
}

fn note(problems: &[Problem]) {
    for problem in problems {
        terminal::complain(&format!("note: {problem}"));
    }
}

/// The ways in which an exporter of these settings may answer, the likeliest first.
fn transports(web: &Web) -> Vec<Transport> {
    let Some(path) = &web.config_file else {
        return vec![Transport::Plain];
    };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            terminal::complain(&format!("note: {} cannot be read: {error}", path.display()));
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

fn probe(site: &Site, transport: &Transport, arguments: &Healthcheck) -> Result<Probe, Failure> {
    let mut login = match (&arguments.username, &arguments.password_file) {
        (Some(name), Some(file)) => {
            let password = fs::read_to_string(file)
                .map_err(|error| Failure::other(format!("{}: {error}", file.display())))?;
            Some((
                name.clone(),
                password.trim_end_matches(['\r', '\n']).to_owned(),
            ))
        }
        _ => None,
    };
    let mut tls = None;
    if let Transport::Tls(certificate) = transport {
        let mut ours = Tls::default();
        if login.is_some() {
            match certificate.as_ref().map(http::leaf_certificate) {
                Some(Ok(certificate)) => ours.expected = Some(certificate),
                // A liveness probe asks whether the server answers: it does without a login, too.
                _ if !arguments.ready => login = None,
                Some(Err(problem)) => return Err(Failure::other(problem)),
                None => {
                    return Err(Failure::other(
                        "a password is only sent to who shows the certificate of the web \
                         configuration file, and there is none: name the file with \
                         --web.config.file",
                    ));
                }
            }
        }
        if let (Some(certificate), Some(key)) = (&arguments.cert, &arguments.key) {
            let read = |path: &Path| {
                fs::read(path)
                    .map_err(|error| Failure::other(format!("{}: {error}", path.display())))
            };
            ours.own = Some((read(certificate)?, read(key)?));
        }
        tls = Some(ours);
    }
    let page = if arguments.ready {
        "/-/ready"
    } else {
        "/-/healthy"
    };
    Ok(Probe {
        address: site.address.clone(),
        path: format!("{}{page}", site.prefix),
        tls,
        login,
        timeout: Duration::from_millis(arguments.timeout.unsigned_abs()),
    })
}

/// The first address listened on, as it is reached from the same machine.
fn own_address(web: &Web) -> Result<String, Failure> {
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
    address.ok_or_else(|| Failure::other("web.listen names no port to ask: give --url"))
}

/// One line: that it is well, or what is wrong.
fn judge(reply: &Reply, arguments: &Healthcheck, logs_in: bool) -> Result<String, String> {
    let first_line = |text: &str| text.lines().collect::<Vec<_>>().join(" ");
    match reply {
        Reply::Http { status: 200, text } => Ok(first_line(text)),
        Reply::Http { status: 401, .. } if logs_in => Err("name or password is wrong".to_owned()),
        // Who asks for a password, or a certificate, answers; only the probe needs to be believed.
        Reply::Http { status: 401, .. } if !arguments.ready => {
            Ok("healthy: it answers, and asks for a password".to_owned())
        }
        Reply::Http { status: 401, .. } => {
            Err("it asks for a password: give --username and --password-file".to_owned())
        }
        Reply::WantsCertificate if arguments.cert.is_some() => {
            Err("it does not take the certificate".to_owned())
        }
        Reply::WantsCertificate if !arguments.ready => {
            Ok("healthy: it answers, and asks for a client certificate".to_owned())
        }
        Reply::WantsCertificate => {
            Err("it asks for a client certificate: give --cert and --key".to_owned())
        }
        Reply::Http { status, text } => Err(format!("{status} {}", first_line(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_the_same_machine() {
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
            let site = Site {
                address: address.to_owned(),
                prefix: prefix.to_owned(),
            };
            assert_eq!(Site::of_url(url), Some((is_tls, site)), "{url}");
        }
        for wrong in [
            "a:1",
            "http://:1",
            "https://a",
            "ftp://a:1",
            "http://me:x@a:1",
            "http://a:1/b?c",
        ] {
            assert_eq!(Site::of_url(wrong), None, "{wrong}");
        }
    }
}
