//! Recognizes CSV, which helpdesks often export, by its first line.

/// A table of events has at least a ticket, a type and a time.
const FEWEST_COLUMNS: usize = 3;
/// The most bytes of the name of a column.
const LONGEST_NAME: usize = 64;
const DELIMITERS: [u8; 4] = *b",;\t|";

/// Whether the first line of a file looks like the header of a CSV file.
pub fn looks_like_csv(line: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(line) else {
        return false;
    };
    let line = line.trim_start_matches('\u{feff}').trim_end();
    let is_name = |cell: &str| {
        let name = cell.trim().trim_matches('"');
        name.len() <= LONGEST_NAME
            && name.contains(char::is_alphabetic)
            && !name.contains(['{', '}', '[', ']', '"'])
    };
    DELIMITERS.map(char::from).iter().any(|delimiter| {
        line.split(*delimiter).count() >= FEWEST_COLUMNS && line.split(*delimiter).all(is_name)
    })
}

/// The delimiter of a table: the one that occurs most in the first line, outside quotes.
pub fn csv_delimiter(text: &[u8]) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut is_quoted = false;
    for byte in text {
        match *byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' if !is_quoted => break,
            other if !is_quoted => {
                for (count, delimiter) in counts.iter_mut().zip(DELIMITERS) {
                    *count += usize::from(other == delimiter);
                }
            }
            _ => {}
        }
    }
    let most = counts.iter().max().copied().unwrap_or_default();
    let found = counts.iter().position(|count| *count == most);
    DELIMITERS[found.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_recognized() {
        for line in [
            "ticket_id,type,at",
            "\u{feff}\"Ticket ID\";\"Created at\";\"Team\"\r",
            "id\tstatus\tupdated_at\n",
            "id|status|updated at",
        ] {
            assert!(looks_like_csv(line.as_bytes()), "{line}");
        }
        for line in [
            "",
            "nonsense",
            "{\"ticket_id\":1,\"type\":\"created\",\"at\":0}",
            "{\"a\",b,c",
            "[1,2,3]",
            "4711,2026-03-02,17",
            "Well, no",
            "a,,c",
        ] {
            assert!(!looks_like_csv(line.as_bytes()), "{line}");
        }
        assert!(!looks_like_csv(b"a,b,\xff"));
    }

    #[test]
    fn the_delimiter_is_the_most_frequent_outside_quotes() {
        for (text, delimiter) in [
            ("a,b;c,d\nx;y;z;w", ','),
            ("\"a,b,c,d\";e;f", ';'),
            ("a\tb, c\td", '\t'),
            ("one", ','),
        ] {
            assert_eq!(char::from(csv_delimiter(text.as_bytes())), delimiter);
        }
    }
}
