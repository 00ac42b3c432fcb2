//! Recognizes CSV, which helpdesks often export, where JSON is expected.

/// A table of events has at least a ticket, a type and a time.
const FEWEST_COLUMNS: usize = 3;
/// The most bytes of the name of a column.
const LONGEST_NAME: usize = 64;
const SEPARATORS: [char; 3] = [',', ';', '\t'];

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
    SEPARATORS.iter().any(|separator| {
        line.split(*separator).count() >= FEWEST_COLUMNS && line.split(*separator).all(is_name)
    })
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
}
