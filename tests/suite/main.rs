//! The integration tests, as one binary: a folder or file below is one subject.

mod logs;
mod naive;
mod stories;
