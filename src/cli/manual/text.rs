//! The texts of `--help` in the language of roff.

use clap_mangen::roff::{Inline, Roff, bold, roman};

/// What stands above the examples in a help text.
const EXAMPLES: &str = "Examples:\n";
/// The beginning of a paragraph that every page has as a section of its own.
const EXIT_CODES: &str = "Exit codes:";

/// The parts of what a command's help says after its flags.
pub struct AfterHelp<'a> {
    pub notes: Vec<&'a str>,
    /// Lines, as they are indented in the help.
    pub examples: Option<&'a str>,
}

impl<'a> AfterHelp<'a> {
    pub fn of(help: &'a str) -> Self {
        let mut parts = Self {
            notes: Vec::new(),
            examples: None,
        };
        for paragraph in help.split("\n\n") {
            if let Some(examples) = paragraph.strip_prefix(EXAMPLES) {
                parts.examples = Some(examples);
            } else if !paragraph.starts_with(EXIT_CODES) {
                parts.notes.push(paragraph);
            }
        }
        parts
    }
}

/// Lines that are to stay as they are.
pub fn verbatim(roff: &mut Roff, text: &str) {
    roff.control("nf", []);
    for line in text.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

/// Examples: what each is for, and under it, indented and as they are, the lines of its commands.
pub fn examples(roff: &mut Roff, text: &str) {
    let is_command = |line: &str| line.starts_with("    ") || line.contains("ticket-exporter ");
    let mut lines = text.lines().peekable();
    let mut is_first = true;
    while let Some(line) = lines.next() {
        if !is_command(line) {
            // The heading has made a paragraph already.
            if !is_first {
                roff.control("PP", []);
            }
            is_first = false;
            roff.text([roman(line.trim())]);
            continue;
        }
        let mut commands = unindented(line);
        while let Some(line) = lines.next_if(|line| is_command(line)) {
            commands.push('\n');
            commands += &unindented(line);
        }
        roff.control("RS", ["4"]);
        verbatim(roff, &commands);
        roff.control("RE", []);
    }
}

fn unindented(line: &str) -> String {
    let indent = if line.starts_with("    ") { 4 } else { 2 };
    line.get(indent..).unwrap_or(line).to_owned()
}

/// Text with pieces between backquotes, which become bold.
pub fn marked(text: &str) -> Vec<Inline> {
    text.split('`')
        .enumerate()
        .filter(|(_, piece)| !piece.is_empty())
        .map(|(position, piece)| {
            if position % 2 == 1 {
                bold(piece)
            } else {
                roman(piece)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_help_is_taken_apart() {
        let parts =
            AfterHelp::of("One.\n\nTwo,\ntoo.\n\nExamples:\n  a:\n    b\n\nExit codes: 0 fine.");
        assert_eq!(parts.notes, ["One.", "Two,\ntoo."]);
        assert_eq!(parts.examples, Some("  a:\n    b"));
    }

    #[test]
    fn commands_keep_their_lines() {
        let mut roff = Roff::new();
        examples(
            &mut roff,
            "  For whom:\n    ticket-exporter a \\\n      --b\n  And:\n    c",
        );
        assert_eq!(
            roff.to_roff(),
            "For whom:\n.RS 4\n.nf\nticket\\-exporter a \\\\\n  \\-\\-b\n.fi\n.RE\n\
             .PP\nAnd:\n.RS 4\n.nf\nc\n.fi\n.RE\n"
        );
    }

    #[test]
    fn backquotes_are_bold() {
        assert_eq!(
            marked("either `fail` or `rebuild`"),
            [
                roman("either "),
                bold("fail"),
                roman(" or "),
                bold("rebuild")
            ]
        );
    }
}
