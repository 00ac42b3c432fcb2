//! The content lines of iCalendar (RFC 5545, section 3.1).

use super::error::IcsError;

/// One content line, unfolded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContentLine {
    /// Its first line in the text, counted from 1.
    pub(super) line: usize,
    /// In upper case.
    pub(super) name: String,
    /// Names in upper case, values without quotes.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) value: String,
}

impl ContentLine {
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn error(&self, message: impl Into<String>) -> IcsError {
        IcsError {
            line: self.line,
            message: message.into(),
        }
    }
}

/// Splits a text into content lines without the blank ones.
pub(super) fn content_lines(text: &str) -> Result<Vec<ContentLine>, IcsError> {
    let mut unfolded: Vec<(usize, String)> = Vec::new();
    let text = text.trim_start_matches('\u{feff}');
    for (position, line) in text.split('\n').enumerate() {
        let line = line.trim_end_matches('\r');
        match (line.strip_prefix([' ', '\t']), unfolded.last_mut()) {
            (Some(rest), Some((_, last))) => last.push_str(rest),
            _ if line.trim().is_empty() => {}
            _ => unfolded.push((position + 1, line.to_owned())),
        }
    }
    unfolded
        .into_iter()
        .map(|(line, text)| {
            content_line(line, &text).ok_or_else(|| IcsError {
                line,
                message: "not a line of the form NAME:value".to_owned(),
            })
        })
        .collect()
}

fn content_line(line: usize, text: &str) -> Option<ContentLine> {
    let colon = unquoted(text, ':')?;
    let (head, value) = (&text[..colon], &text[colon + 1..]);
    let mut parts = Vec::new();
    let mut rest = head;
    while let Some(end) = unquoted(rest, ';') {
        parts.push(&rest[..end]);
        rest = &rest[end + 1..];
    }
    parts.push(rest);
    let (name, parameters) = parts.split_first()?;
    let is_name = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if !is_name(name) {
        return None;
    }
    let parameters = parameters
        .iter()
        .map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            Some((
                name.to_ascii_uppercase(),
                value.trim_matches('"').to_owned(),
            ))
        })
        .collect::<Option<Vec<_>>>()?;
    Some(ContentLine {
        line,
        name: name.to_ascii_uppercase(),
        parameters,
        value: value.to_owned(),
    })
}

/// The position of the first such character outside of double quotes.
fn unquoted(text: &str, wanted: char) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(position, character)| {
        quoted ^= character == '"';
        (!quoted && character == wanted).then_some(position)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfolds_and_splits() {
        let text =
            "BEGIN:VCALENDAR\r\n\r\nSUMMARY;ALTREP=\"a:b;c\";language=de:Tag der \r\n Arbeit\r\n";
        let lines = content_lines(text).unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1].line, 3);
        assert_eq!(lines[1].value, "Tag der Arbeit");
        assert_eq!(lines[1].parameter("ALTREP"), Some("a:b;c"));
        assert_eq!(lines[1].parameter("LANGUAGE"), Some("de"));
    }

    #[test]
    fn an_error_names_the_line() {
        let error = content_lines("BEGIN:VCALENDAR\n<html>\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: not a line of the form NAME:value"
        );
    }
}
