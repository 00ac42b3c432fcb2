//! `healthcheck`: whether an exporter of this configuration answers.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::arguments::{Healthcheck, Settings};
use super::failure::Failure;
use super::main_process::{self, FIRST_PROCESS};
use super::terminal;
use crate::config::web_file::WebFile;
use crate::config::{ListenAddress, Web};
use crate::edge::http;
use crate::edge::probe::{Probe, Reply, Tls};

pub fn run(settings: &Settings, arguments: &Healthcheck) -> Result<ExitCode, Failure> {
    let main_process = (arguments.url.is_none() && settings.have_no_flags())
        .then(|| main_process::settings(Path::new(FIRST_PROCESS)))
        .flatten();
    let settings = main_process.as_ref().unwrap_or(settings);
    let web = settings.load_with_warnings()?.config.web;
    let probe = probe(&web, arguments)?;
    let address = &probe.address;
    let verdict = match probe.ask() {
        Err(error) => Err(format!("{address} does not answer: {error}")),
        Ok(reply) => judge(&reply, arguments),
    };
    match verdict {
        Ok(text) => {
            terminal::print(&format!("{text}\n"))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(text) => {
            terminal::print(&format!("{text}\n"))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn probe(web: &Web, arguments: &Healthcheck) -> Result<Probe, Failure> {
    let file = read_web_file(web)?;
    let has_tls = file.as_ref().is_some_and(|file| file.tls.is_some());
    let (has_tls, address) = match &arguments.url {
        Some(url) => read_url(url)
            .ok_or_else(|| Failure::usage("--url must be http://host:port or https://host:port"))?,
        None => (has_tls, own_address(web)?),
    };
    let login = match (&arguments.username, &arguments.password_file) {
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
    let mut tls = has_tls.then(Tls::default);
    if let Some(tls) = &mut tls {
        if login.is_some() {
            let expected = file.and_then(|file| file.tls).ok_or_else(|| {
                Failure::other(
                    "a password is only sent to the certificate of web.config_file, which has none",
                )
            })?;
            let certificate = http::leaf_certificate(&expected).map_err(Failure::other)?;
            tls.expected = Some(certificate);
        }
        if let (Some(certificate), Some(key)) = (&arguments.cert, &arguments.key) {
            let read = |path: &Path| {
                fs::read(path)
                    .map_err(|error| Failure::other(format!("{}: {error}", path.display())))
            };
            tls.own = Some((read(certificate)?, read(key)?));
        }
    }
    Ok(Probe {
        address,
        path: if arguments.ready {
            "/-/ready".to_owned()
        } else {
            "/-/healthy".to_owned()
        },
        tls,
        login,
        timeout: Duration::from_millis(arguments.timeout.unsigned_abs()),
    })
}

fn read_web_file(web: &Web) -> Result<Option<WebFile>, Failure> {
    let Some(path) = &web.config_file else {
        return Ok(None);
    };
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::other(format!("{}: {error}", path.display())))?;
    match WebFile::parse(path, &text) {
        Ok((file, _)) => Ok(Some(file)),
        Err(errors) => Err(Failure::other(errors)),
    }
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

/// Whether it is TLS, and `host:port`.
fn read_url(url: &str) -> Option<(bool, String)> {
    let (is_tls, rest) = match url.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, url.strip_prefix("http://")?),
    };
    let address = rest.trim_end_matches('/');
    ListenAddress::parse(address)
        .filter(|parsed| !matches!(parsed, ListenAddress::Every(_)))
        .map(|_| (is_tls, address.to_owned()))
}

/// One line: that it is well, or what is wrong.
fn judge(reply: &Reply, arguments: &Healthcheck) -> Result<String, String> {
    let first_line = |text: &str| text.lines().collect::<Vec<_>>().join(" ");
    match reply {
        Reply::Http { status: 200, text } => Ok(first_line(text)),
        Reply::Http { status: 401, .. } if arguments.username.is_some() => {
            Err("name or password is wrong".to_owned())
        }
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
        let tls = |is_tls, address: &str| Some((is_tls, address.to_owned()));
        assert_eq!(read_url("https://a:1/"), tls(true, "a:1"));
        assert_eq!(read_url("http://127.0.0.1:1"), tls(false, "127.0.0.1:1"));
        for wrong in [
            "a:1",
            "http://:1",
            "https://a",
            "ftp://a:1",
            "http://me:x@a:1",
        ] {
            assert_eq!(read_url(wrong), None, "{wrong}");
        }
    }
}
