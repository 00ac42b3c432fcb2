//! The answers that no sample can give.

use super::opening_hours::OpeningHours;
use crate::domain::named::named_enum;

named_enum! {
    /// The way to run the exporter.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Deployment {
        Compose = "compose",
        Helm = "helm",
        None = "none",
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct StarterAnswers {
    pub brokers: Vec<String>,
    pub topic: String,
    /// The name of a time zone.
    pub zone: String,
    pub hours: OpeningHours,
    pub deployment: Deployment,
}
