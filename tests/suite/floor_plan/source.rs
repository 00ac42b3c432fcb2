//! Rust source as tokens: comments, strings and unit tests taken out.

/// An identifier, `::`, or a single other character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    /// From 1.
    pub(super) line: usize,
}

/// The tokens that are code. Literals are left out.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut reader = Reader {
        rest: text,
        line: 1,
    };
    let mut tokens = Vec::new();
    while let Some(next) = reader.rest.chars().next() {
        let line = reader.line;
        let rest = reader.rest;
        if rest.starts_with("//") {
            reader.skip(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            reader.skip(comment_length(rest));
        } else if let Some(length) = literal_length(rest) {
            reader.skip(length);
        } else if next.is_alphabetic() || next == '_' {
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            tokens.push(Token {
                text: rest[..end].to_owned(),
                line,
            });
            reader.skip(end);
        } else if next.is_whitespace() {
            reader.skip(next.len_utf8());
        } else {
            let end = if rest.starts_with("::") {
                2
            } else {
                next.len_utf8()
            };
            tokens.push(Token {
                text: rest[..end].to_owned(),
                line,
            });
            reader.skip(end);
        }
    }
    tokens
}

/// Leaves out every item under `#[cfg(test)]`.
pub(super) fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut place = 0;
    while place < tokens.len() {
        if is_test_attribute(&tokens[place..]) {
            place = item_end(tokens, place);
        } else {
            kept.push(tokens[place].clone());
            place += 1;
        }
    }
    kept
}

/// The names in `#[cfg(test)] mod name;`: files that are tests.
pub(super) fn test_modules(tokens: &[Token]) -> Vec<String> {
    let mut names = Vec::new();
    for place in 0..tokens.len() {
        if is_test_attribute(&tokens[place..]) {
            let item = &tokens[place..item_end(tokens, place)];
            if let [.., keyword, name, end] = item
                && (keyword.text.as_str(), end.text.as_str()) == ("mod", ";")
            {
                names.push(name.text.clone());
            }
        }
    }
    names
}

const TEST_ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];

fn is_test_attribute(tokens: &[Token]) -> bool {
    tokens.len() >= TEST_ATTRIBUTE.len()
        && tokens
            .iter()
            .zip(TEST_ATTRIBUTE)
            .all(|(token, wanted)| token.text == wanted)
}

/// Where the item ends that begins, with its attributes, at `start`: after the `;` or the
/// closing brace.
fn item_end(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0_usize;
    for (place, token) in tokens.iter().enumerate().skip(start) {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token.text == "}" {
                    // `use a::{b, c};` goes on to its semicolon.
                    let semicolon = tokens.get(place + 1).is_some_and(|next| next.text == ";");
                    return place + 1 + usize::from(semicolon);
                }
            }
            ";" if depth == 0 => return place + 1,
            _ => {}
        }
    }
    tokens.len()
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl Reader<'_> {
    fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.rest.split_at(length);
        self.line += skipped.matches('\n').count();
        self.rest = rest;
    }
}

/// Block comments nest.
fn comment_length(text: &str) -> usize {
    let (mut depth, mut place) = (0_usize, 0);
    while place < text.len() {
        if text[place..].starts_with("/*") {
            depth += 1;
            place += 2;
        } else if text[place..].starts_with("*/") {
            depth -= 1;
            place += 2;
            if depth == 0 {
                return place;
            }
        } else {
            place += text[place..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of the string, byte string, raw string, character or lifetime that begins here.
fn literal_length(text: &str) -> Option<usize> {
    let prefix = text.len() - text.trim_start_matches(['b', 'r', 'c']).len();
    let body = &text[prefix..];
    if text[..prefix].ends_with('r') && prefix <= 2 {
        let hashes = body.len() - body.trim_start_matches('#').len();
        if body[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let inside = prefix + hashes + 1;
            return Some(
                text[inside..]
                    .find(&end)
                    .map_or(text.len(), |at| inside + at + end.len()),
            );
        }
    }
    if prefix <= 1 && body.starts_with('"') {
        return Some(prefix + quoted_length(body, '"'));
    }
    if !text.starts_with('\'') && !text.starts_with("b'") {
        return None;
    }
    let body = &text[text.find('\'')?..];
    let offset = text.len() - body.len();
    let mut characters = body.chars().skip(1);
    let (first, second) = (characters.next()?, characters.next());
    if first == '\\' || second == Some('\'') {
        Some(offset + quoted_length(body, '\''))
    } else {
        // A lifetime: the mark only, its name is harmless.
        Some(offset + 1)
    }
}

fn quoted_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (place, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            other if other == quote => return place + 1,
            _ => {}
        }
    }
    text.len()
}
