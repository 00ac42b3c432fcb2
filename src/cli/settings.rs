//! From flags, environment and file to a configuration.

use std::env;
use std::fs;
use std::path::{self, PathBuf};

use tracing::warn;

use super::arguments::{CONFIG_FILE_VARIABLE, Settings};
use super::failure::Failure;
use crate::config::{self, Config, Loaded};

impl Settings {
    /// Loads the configuration; warnings go to the log.
    ///
    /// # Errors
    /// Every problem at once, with its place.
    pub fn load(&self) -> Result<Config, Failure> {
        let Loaded { config, warnings } = self.load_with_warnings()?;
        for warning in warnings {
            warn!("{warning}");
        }
        Ok(config)
    }

    /// Like [`Self::load`], with settings on top.
    ///
    /// # Errors
    /// Every problem at once, with its place.
    pub fn load_with(&self, over: &[(&str, &str)]) -> Result<Config, Failure> {
        let over = over.iter();
        let over = over.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Self {
            config_file: self.config_file.clone(),
            set: self.set.iter().cloned().chain(over).collect(),
            ..Self::default()
        }
        .load()
    }

    /// Like [`Self::load`], with the warnings for the caller.
    ///
    /// # Errors
    /// Every problem at once, with its place.
    pub fn load_with_warnings(&self) -> Result<Loaded, Failure> {
        // Variables that are no text cannot be ours.
        let environment = env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let file = self.config_file.as_deref();
        config::load(file, environment, &self.flags(), &mut |path| {
            fs::read_to_string(path)
        })
        .map_err(Failure::configuration)
    }

    /// Whether nothing of it was typed: a configuration file may come from the environment.
    pub fn have_no_flags(&self) -> bool {
        let from_environment = env::var_os(CONFIG_FILE_VARIABLE).map(PathBuf::from);
        self.flags().is_empty() && self.config_file == from_environment
    }

    pub fn flags(&self) -> Vec<(String, String)> {
        let mut flags = self.set.clone();
        if !self.listen_address.is_empty() {
            flags.push(("web.listen".to_owned(), self.listen_address.join(",")));
        }
        if let Some(path) = &self.telemetry_path {
            flags.push(("web.telemetry_path".to_owned(), path.clone()));
        }
        if let Some(file) = &self.web_config_file {
            // Relative to where it is typed, and not to the configuration file as the key is.
            let file = path::absolute(file).unwrap_or_else(|_| file.clone());
            flags.push(("web.config_file".to_owned(), file.display().to_string()));
        }
        if self.enable_lifecycle {
            flags.push(("web.enable_lifecycle".to_owned(), true.to_string()));
        }
        flags
    }
}
