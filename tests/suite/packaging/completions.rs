//! Completions: the shells themselves read the scripts and complete existing commands and flags.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::succeed;
use crate::harness::{binary, command, folder};

/// The script of a shell. The caller must keep its folder.
fn script(shell: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = folder("completions");
    let path = folder.path().join("_ticket-exporter");
    fs::write(&path, succeed(command().args(["completions", shell]))).unwrap();
    (folder, path)
}

/// The completions of bash for the last word of a line.
fn bash(line: &str) -> Vec<String> {
    let (_folder, path) = script("bash");
    let ask = r#"
        source "$1"
        read -ra COMP_WORDS <<<"$2"
        [ "${2: -1}" != " " ] || COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$2 COMP_POINT=${#2}
        function=$(complete -p ticket-exporter | sed 's/.*-F \([^ ]*\) .*/\1/')
        "$function" ticket-exporter "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let answers = succeed(
        Command::new("bash")
            .args(["--norc", "--noprofile", "-euc", ask, "bash"])
            .arg(path)
            .arg(line),
    );
    answers.lines().map(str::to_owned).collect()
}

fn fish(line: &str) -> Vec<String> {
    let (_folder, path) = script("fish");
    let ask = "set PATH $argv[3] $PATH; source $argv[1]; and complete -C $argv[2]";
    // fish completes only programs that it finds.
    let programs = binary().parent().unwrap();
    let answers = succeed(
        Command::new("fish")
            .args(["--no-config", "-c", ask])
            .arg(path)
            .arg(line)
            .arg(programs),
    );
    let words = answers
        .lines()
        .filter_map(|line| line.split('\t').next().map(str::to_owned));
    words.collect()
}

#[test]
fn bash_completes_commands_flags_and_values() {
    assert_eq!(bash("ticket-exporter repl"), ["replay"]);
    let commands = bash("ticket-exporter ");
    for expected in ["serve", "check-config", "completions", "man"] {
        assert!(commands.iter().any(|word| word == expected), "{commands:?}");
    }
    assert_eq!(bash("ticket-exporter replay --unt"), ["--until"]);
    assert_eq!(
        bash("ticket-exporter replay --format "),
        ["text", "json", "table"]
    );
    assert_eq!(
        bash("ticket-exporter check-config --config."),
        ["--config.file", "--config.auto-reload-interval"]
    );
    assert_eq!(bash("ticket-exporter --log.level debug repl"), ["replay"]);
}

#[test]
fn fish_completes_commands_flags_and_values() {
    assert!(fish("ticket-exporter repl").contains(&"replay".to_owned()));
    assert!(fish("ticket-exporter replay --unt").contains(&"--until".to_owned()));
    for before in ["--config.file x", "--config.file=x", "--version"] {
        let commands = fish(&format!("ticket-exporter {before} repl"));
        assert_eq!(commands, ["replay"], "{before}");
    }
    let formats = fish("ticket-exporter replay --format ");
    assert!(formats.contains(&"table".to_owned()), "{formats:?}");
}

#[test]
fn zsh_accepts_its_script_as_the_completion_of_the_program() {
    let (folder, path) = script("zsh");
    succeed(Command::new("zsh").args(["-f", "-n"]).arg(path));
    let ask = r#"
        fpath=("$1" $fpath)
        autoload -Uz compinit
        compinit -u -d "$1/dump"
        print -r -- "${_comps[ticket-exporter]}"
        autoload +X _ticket-exporter
    "#;
    let answer = succeed(
        Command::new("zsh")
            .args(["-f", "-c", ask, "zsh"])
            .arg(folder.path()),
    );
    assert_eq!(answer.trim(), "_ticket-exporter");
}
