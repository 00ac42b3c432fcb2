//! Reads the web settings from a configuration that may be invalid elsewhere. A health check needs them:
//! a mistake in the file does not mean that the running exporter is unhealthy.

use std::path::Path;

use super::overrides::{self, Flag};
use super::problem::{ConfigErrors, ConfigPlace, ConfigProblem};
use super::source::{ReadFile, read_tree};
use super::tree::{self, YamlNode};
use super::view::YamlView;
use super::web::Web;
use super::web_file::Pem;

/// The settings that could be read, and the problems with the others.
#[derive(Clone, Debug)]
pub struct Salvaged<T> {
    pub found: T,
    pub problems: Vec<ConfigProblem>,
}

/// Reads the section `web` of a configuration. Invalid settings get their defaults. The arguments are
/// those of [`load`](super::load).
pub fn salvage_web(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[Flag],
    read: &mut ReadFile<'_>,
) -> Salvaged<Web> {
    let mut errors = ConfigErrors::default();
    let mut tree = read_tree(file, read, &mut errors, |text, name, errors| {
        section(text, "web", &tree::in_file(name), errors)
    });
    YamlView::root(&tree).entries(&mut errors);
    // Mistakes in other settings do not matter here.
    overrides::put_environment(&mut tree, environment, &mut ConfigErrors::default());
    overrides::put_flags(&mut tree, flags, &mut ConfigErrors::default());
    let directory = file.and_then(Path::parent).unwrap_or(Path::new(""));
    let mut web = Web::read(&YamlView::root(&tree).key("web"), directory, &mut errors);
    if web.listen.is_empty() {
        web.listen = Web::default().listen;
    }
    errors.sort();
    Salvaged {
        found: web,
        problems: errors.errors,
    }
}

/// Whether a web configuration file enables TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SalvagedTls {
    Absent,
    /// With the certificate, if it could be read.
    Present(Option<Pem>),
}

/// Reads whether a web configuration file enables TLS.
pub fn salvage_tls(path: &Path, text: &str) -> Salvaged<SalvagedTls> {
    const SECTION: &str = "tls_server_config";
    let mut errors = ConfigErrors::default();
    let name = path.display().to_string();
    let place = tree::in_file(&name);
    let directory = path.parent().unwrap_or(Path::new(""));
    let found = match section(text, SECTION, &place, &mut errors) {
        Some(root) if YamlView::root(&root).key(SECTION).is_set() => {
            let tls = YamlView::root(&root).key(SECTION);
            SalvagedTls::Present(Pem::read(&tls, "cert", directory, &mut errors))
        }
        _ => SalvagedTls::Absent,
    };
    Salvaged {
        found,
        problems: errors.errors,
    }
}

/// Parses the whole text. If that fails, parses one section of it.
fn section(
    text: &str,
    name: &str,
    place: &dyn Fn(usize, usize) -> ConfigPlace,
    errors: &mut ConfigErrors,
) -> Option<YamlNode> {
    let before = errors.errors.len();
    let whole = tree::parse(text, place, errors);
    if whole.is_some() || errors.errors.len() == before {
        return whole;
    }
    tree::parse(&only(text, name), place, &mut ConfigErrors::default())
}

/// The lines of one top-level section. All other lines become empty, so that line numbers stay correct.
fn only(text: &str, name: &str) -> String {
    let mut is_inside = false;
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let at_margin = line.starts_with(|first: char| !first.is_whitespace() && first != '#');
        if at_margin {
            is_inside = line
                .strip_prefix(name)
                .is_some_and(|rest| rest.trim_start().starts_with(':'));
        }
        if is_inside {
            kept.push_str(line);
        }
        kept.push('\n');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ListenAddress, web_file::PemSource};

    fn web(text: &str, flags: &[Flag]) -> Salvaged<Web> {
        let file = Path::new("etc/a.yaml");
        salvage_web(Some(file), [], flags, &mut |_| Ok(text.to_owned()))
    }

    fn address(salvaged: &Salvaged<Web>) -> String {
        let addresses = &salvaged.found.listen;
        addresses.iter().map(ListenAddress::to_string).collect()
    }

    #[test]
    fn mistakes_in_other_sections_do_not_matter() {
        let text = "kafka: [\nstream: {grace: soon}\nno_such_key: 1\n\
                    web:\n  # the port\n  listen: [\":7\"]\n\n  route_prefix: /kpi\n  config_file: web.yml\n\
                    exemplars: {\n";
        let salvaged = web(text, &[]);
        assert_eq!(address(&salvaged), ":7");
        assert_eq!(salvaged.found.path("/-/healthy"), "/kpi/-/healthy");
        assert_eq!(
            salvaged.found.config_file.as_deref(),
            Some(Path::new("etc/web.yml"))
        );
        assert!(
            salvaged.problems[0].to_string().starts_with("etc/a.yaml:"),
            "{salvaged:?}"
        );

        let salvaged = web("no_such_key: 1\nweb: {listen: [\":7\"]}\n", &[]);
        assert_eq!(
            (address(&salvaged), salvaged.problems.len()),
            (":7".to_owned(), 0)
        );
    }

    #[test]
    fn flags_and_defaults_replace_invalid_settings() {
        for broken in ["web: [", "web: {listen: [nonsense]}", "\u{0}", "- a"] {
            let salvaged = web(broken, &[]);
            assert_eq!(address(&salvaged), ":10047", "{broken}");
            assert!(!salvaged.problems.is_empty(), "{broken}");
            let flags = [Flag::set("web.listen", ":9"), Flag::set("no.such", "1")];
            assert_eq!(address(&web(broken, &flags)), ":9", "{broken}");
        }
        let absent = salvage_web(Some(Path::new("a.yaml")), [], &[], &mut |_| {
            Err(std::io::ErrorKind::NotFound.into())
        });
        assert_eq!(address(&absent), ":10047");
        assert!(
            absent.problems[0].to_string().contains("a.yaml"),
            "{absent:?}"
        );
        assert_eq!(address(&web("", &[])), ":10047");
    }

    #[test]
    fn tls_is_found_in_an_invalid_web_configuration_file() {
        let tls = |text: &str| salvage_tls(Path::new("etc/web.yml"), text).found;
        let certificate = |text: &str| match tls(text) {
            SalvagedTls::Present(Some(Pem {
                source: PemSource::File(path),
                ..
            })) => path,
            other => panic!("{text}: {other:?}"),
        };
        for text in [
            "tls_server_config: {cert_file: a.crt, min_version: TLS9}\nbasic_auth_users: {a: b}",
            "tls_server_config:\n  cert_file: a.crt\nbasic_auth_users: {\n",
        ] {
            assert_eq!(certificate(text), Path::new("etc/a.crt"));
        }
        assert_eq!(
            tls("tls_server_config: {key_file: a}"),
            SalvagedTls::Present(None)
        );
        assert_eq!(tls("basic_auth_users: {\n"), SalvagedTls::Absent);
        assert_eq!(tls(""), SalvagedTls::Absent);
    }
}
