//! Texts keep to plain English: `tests/language/check` finds none of the patterns in `banned.txt`.

use std::process::Command;

use crate::harness::repository;

#[test]
fn texts_are_in_plain_english() {
    let check = Command::new(repository().join("tests/language/check"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&check.stderr);
    assert!(check.status.success(), "{errors}");
    let lines = String::from_utf8_lossy(&check.stdout);
    assert!(
        lines.is_empty(),
        "these lines match a pattern of tests/language/banned.txt:\n{lines}"
    );
}
