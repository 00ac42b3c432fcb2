//! From flags, environment and file to a configuration.

use std::env;
use std::fs;
use std::path::{self, Path, PathBuf};

use tracing::warn;

use super::arguments::{CONFIG_FILE_VARIABLE, Settings};
use super::failure::Failure;
use crate::config::{self, Config, Flag, Loaded, Salvaged, Web};

impl Settings {
    /// Loads the configuration; warnings go to the log.
    ///
    /// # Errors
    /// Every problem at once, with its place.
    pub fn load(&self) -> Result<Config, Failure> {
        Ok(logged(self.load_with_warnings()?))
    }

    /// Like [`Self::load`], with a flag of the command on top.
    ///
    /// # Errors
    /// Every problem at once, with its place.
    pub fn load_with(&self, flag: Flag) -> Result<Config, Failure> {
        let mut flags = self.flags();
        flags.push(flag);
        Ok(logged(self.read(&flags)?))
    }

    /// Like [`Self::load`], with the warnings for the caller.
    ///
    /// # Errors
    /// Every problem at once, with its place.
    pub fn load_with_warnings(&self) -> Result<Loaded, config::Errors> {
        self.read(&self.flags())
    }

    /// Whether nothing of it was typed: a configuration file may come from the environment.
    pub fn have_no_flags(&self) -> bool {
        let from_environment = env::var_os(CONFIG_FILE_VARIABLE).map(PathBuf::from);
        self.flags().is_empty() && self.config_file == from_environment
    }

    fn read(&self, flags: &[Flag]) -> Result<Loaded, config::Errors> {
        let file = self.config_file.as_deref();
        let mut read = |path: &Path| fs::read_to_string(path);
        config::load(file, environment(), flags, &mut read)
    }

    /// The web settings as far as they can be told, whatever the rest of the configuration is.
    pub fn salvage_web(&self) -> Salvaged<Web> {
        let file = self.config_file.as_deref();
        let mut read = |path: &Path| fs::read_to_string(path);
        config::salvage_web(file, environment(), &self.flags(), &mut read)
    }

    pub fn flags(&self) -> Vec<Flag> {
        let set = self.set.iter();
        let mut flags: Vec<Flag> = set.map(|(key, value)| Flag::set(key, value)).collect();
        if !self.listen_address.is_empty() {
            let addresses = self.listen_address.join(",");
            flags.push(Flag::of("--web.listen-address", "web.listen", addresses));
        }
        for (typed, key, value) in [
            (
                "--web.telemetry-path",
                "web.telemetry_path",
                &self.telemetry_path,
            ),
            ("--web.external-url", "web.external_url", &self.external_url),
            ("--web.route-prefix", "web.route_prefix", &self.route_prefix),
        ] {
            if let Some(value) = value {
                flags.push(Flag::of(typed, key, value));
            }
        }
        if let Some(file) = &self.web_config_file {
            // Relative to where it is typed, and not to the configuration file as the key is.
            let file = path::absolute(file).unwrap_or_else(|_| file.clone());
            let file = file.display().to_string();
            flags.push(Flag::of("--web.config.file", "web.config_file", file));
        }
        if self.enable_lifecycle {
            let typed = "--web.enable-lifecycle";
            flags.push(Flag::of(typed, "web.enable_lifecycle", "true"));
        }
        flags
    }
}

/// Variables that are no text cannot be ours.
fn environment() -> impl Iterator<Item = (String, String)> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// The configuration; its warnings go to the log.
fn logged(loaded: Loaded) -> Config {
    for warning in loaded.warnings {
        warn!("{warning}");
    }
    loaded.config
}
