//! Loads the configuration from flags, environment variables and the file.

use std::env;
use std::fs;
use std::path::{self, Path, PathBuf};
use std::sync::Arc;

use tracing::warn;

use super::arguments::{CONFIG_FILE_VARIABLE, CommandLineSettings};
use super::failure::CommandResult;
use crate::app::config_watch::ConfigWatch;
use crate::config::{self, Config, Flag, LoadedConfig, Salvaged, Web};

impl CommandLineSettings {
    /// Loads the configuration and logs its warnings.
    pub fn load(&self) -> CommandResult<Config> {
        Ok(logged(self.load_with_warnings()?))
    }

    /// Like [`Self::load`], with one more flag.
    pub fn load_with(&self, flag: Flag) -> CommandResult<Config> {
        let mut flags = self.flags();
        flags.push(flag);
        Ok(logged(self.read(&flags)?))
    }

    /// Like [`Self::load`], with a watch that loads the same configuration again.
    pub fn load_watched(&self) -> CommandResult<(Config, ConfigWatch)> {
        let settings = self.clone();
        let watch = ConfigWatch::new(Arc::new(move || settings.load_with_warnings()));
        let config = logged(watch.load()?);
        Ok((config, watch))
    }

    /// Like [`Self::load`], but returns the warnings.
    pub fn load_with_warnings(&self) -> Result<LoadedConfig, config::ConfigErrors> {
        self.read(&self.flags())
    }

    /// Whether the command line has no setting. The environment may still name a configuration file.
    pub fn have_no_flags(&self) -> bool {
        let from_environment = env::var_os(CONFIG_FILE_VARIABLE).map(PathBuf::from);
        self.flags().is_empty() && self.config_file == from_environment
    }

    fn read(&self, flags: &[Flag]) -> Result<LoadedConfig, config::ConfigErrors> {
        let file = self.config_file.as_deref();
        let mut read = |path: &Path| fs::read_to_string(path);
        config::load(file, environment(), flags, &mut read)
    }

    /// Reads the web settings as far as possible, and ignores the rest of the configuration.
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
            // A flag is relative to the working directory, the key to the configuration file.
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

/// Ignores variables that are not UTF-8; none of ours can be.
fn environment() -> impl Iterator<Item = (String, String)> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn logged(loaded: LoadedConfig) -> Config {
    for warning in loaded.warnings {
        warn!("{warning}");
    }
    loaded.config
}
