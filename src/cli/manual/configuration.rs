//! The page on the configuration: every key, from the table that the program itself goes by.

use clap_mangen::roff::{Roff, bold, italic, roman};

use super::{CONFIGURATION, PROGRAM, command, text};
use crate::config::KEYS;

/// The page in the language of roff.
pub fn page() -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["NAME"]);
    roff.text([roman(format!(
        "{CONFIGURATION} - configuration of {PROGRAM}"
    ))]);
    roff.control("SH", ["DESCRIPTION"]);
    for line in [
        "The configuration is YAML. No key is required, and unknown ones are errors.",
        "Durations are written 500ms, 30s, 15m, 4h, 1d, 2w, or together: 1h30m.",
    ] {
        roff.text([roman(line)]);
    }
    roff.control("PP", []);
    roff.text([
        roman("Every key can also be set by an environment variable, which wins over the file, and by "),
        bold("--set"),
        roman(", which wins over both. Lists are separated by commas there, and maps are inline YAML."),
    ]);
    roff.control("PP", []);
    roff.text([
        roman("In the names of keys, "),
        italic("<word>"),
        roman(" is a name of your own, and [] an item of a list."),
    ]);
    roff.control("SH", ["KEYS"]);
    for key in KEYS {
        roff.control("TP", []);
        let default = if key.default.is_empty() {
            String::new()
        } else {
            format!(", default {}", key.default)
        };
        roff.text([
            bold(key.path),
            roman(format!(" ({}{default})", key.kind.name())),
        ]);
        let mut help = text::marked(key.help);
        help.push(roman("."));
        roff.text(help);
        roff.control("br", []);
        roff.text([italic(key.variable())]);
    }
    roff.control("SH", ["EXAMPLES"]);
    text::examples(
        &mut roff,
        "  A configuration with every key explained:\n    ticket-exporter check-config --print-reference\n  \
         Is a configuration sound?\n    ticket-exporter check-config --config.file ticket-exporter.yaml",
    );
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold(PROGRAM), roman("(1),")]);
    roff.text([bold(format!("{PROGRAM}-check-config")), roman("(1)")]);
    command::join(&[command::title(CONFIGURATION, 5), roff.render()])
}
