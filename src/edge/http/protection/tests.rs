//! Reloads: which are taken, which are refused, and how often the files are checked.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::edge::self_metrics::tests::self_metrics;

const USERS: &str =
    "basic_auth_users: { a: $2y$04$M4CiWlZXU6tGtJz1EqJ5ZOux2bPC5BfUFuySmvQLqVP86B1050w2e }\n";

fn protection(folder: &tempfile::TempDir, text: &str, pace: Duration) -> Arc<Protection> {
    let path = folder.path().join("web.yml");
    fs::write(&path, text).unwrap();
    let web = Web {
        config_file: Some(path),
        ..Web::default()
    };
    Arc::new(Protection::load_with(&web, Arc::new(self_metrics()), pace).unwrap())
}

fn write(folder: &tempfile::TempDir, text: &str) {
    let new = folder.path().join("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, folder.path().join("web.yml")).unwrap();
}

#[tokio::test]
async fn a_change_is_taken_unless_it_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let protection = protection(&folder, "", Duration::ZERO);
    assert!(protection.current().await.logins.is_none());
    write(&folder, USERS);
    assert!(protection.current().await.logins.is_some());
    for broken in ["", "nonsense", "basic_auth_users: {}\n"] {
        write(&folder, broken);
        assert!(protection.current().await.logins.is_some(), "{broken}");
    }
    fs::remove_file(folder.path().join("web.yml")).unwrap();
    assert!(protection.current().await.logins.is_some());
    write(
        &folder,
        &format!("{USERS}rate_limit: {{ interval: 1s, burst: 1 }}\n"),
    );
    assert!(protection.current().await.rate_limit.is_some());
}

#[tokio::test]
async fn files_are_not_checked_more_often_than_the_pace() {
    let folder = tempfile::tempdir().unwrap();
    let protection = protection(&folder, "", Duration::from_secs(3_600));
    write(&folder, USERS);
    for _ in 0..100 {
        assert!(protection.current().await.logins.is_none());
    }
}

#[tokio::test]
async fn without_a_file_there_is_no_protection() {
    let protection = Arc::new(Protection::load(&Web::default(), Arc::new(self_metrics())).unwrap());
    let settings = protection.current().await;
    assert!(settings.tls.is_none() && settings.headers.is_empty());
    assert!(protection.has_token(&settings));
    assert_eq!(
        protection.judge(&settings, None).await,
        LoginVerdict::Allowed
    );
}
