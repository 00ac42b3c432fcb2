use std::io::Cursor;

use super::*;

fn read(text: &[u8], is_table: bool, limit: usize) -> io::Result<Vec<(u64, String)>> {
    let mut file = RecordFile::of(
        Box::new(Cursor::new(text.to_vec())),
        Path::new(if is_table { "a.csv" } else { "a" }),
    )?;
    let mut all = Vec::new();
    let mut block = RecordBlock::default();
    while file.fill(&mut block, limit)? {
        all.extend(block.iter().map(|(number, record)| {
            let record = String::from_utf8(record.to_vec()).unwrap();
            (number, record)
        }));
    }
    Ok(all)
}

fn records(text: &[u8]) -> Vec<(u64, String)> {
    read(text, false, 1_000).unwrap()
}

fn numbered(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    let expected = expected.iter();
    expected
        .map(|(number, record)| (*number, (*record).to_owned()))
        .collect()
}

#[test]
fn lines_keep_their_numbers_and_blank_ones_are_left_out() {
    assert_eq!(
        records(b"one\r\ntwo\n\n \nfive"),
        numbered(&[(1, "one"), (2, "two"), (5, "five")])
    );
    assert_eq!(records(b""), []);
}

#[test]
fn a_long_line_is_cut_and_the_next_one_is_whole() {
    let mut text = vec![b'x'; 3 << 20];
    text.extend_from_slice(b"\nshort\n");
    let read = read(&text, false, 10).unwrap();
    assert_eq!((read[0].1.len(), read[1].1.as_str()), (11, "short"));
}

#[test]
fn items_of_an_array_are_records() {
    let expected = numbered(&[(1, r#"{"a":"]},["}"#), (2, r#"{"b":{"c":[1,{}]}}"#)]);
    for text in [
        r#"[{"a":"]},["},{"b":{"c":[1,{}]}}]"#,
        "\u{feff} [\n  {\"a\":\"]},[\"} ,\r\n {\"b\":{\"c\":[1,{}]}}\n]\n",
        r#"[{"a":"]},["}] [{"b":{"c":[1,{}]}}]"#,
    ] {
        assert_eq!(records(text.as_bytes()), expected, "{text}");
    }
    assert_eq!(records(b"[]"), []);
    for (text, problem) in [
        (
            "[{\"a\":1}",
            "the array does not end; its last whole item is 1",
        ),
        ("[{\"a\":1},7]", "item 2 of the array is not a JSON object"),
        ("[{\"a\":1},{\"b\"]", "item 2: "),
        ("[{\"a\":1}]}", "item 2 of the array is not"),
    ] {
        let error = read(text.as_bytes(), false, 100).unwrap_err().to_string();
        assert!(error.starts_with(problem), "{text}: {error}");
    }
    let long = format!("[{{\"a\":\"{}\"}}]", "x".repeat(100));
    let error = read(long.as_bytes(), false, 50).unwrap_err().to_string();
    assert_eq!(error, "item 1 does not end within 50 bytes");
}

#[test]
fn rows_become_objects() {
    let expected = numbered(&[
        (
            2,
            r#"{"Id":"1","Created at":"2026-01-02","Note":"a, \"b\""}"#,
        ),
        (3, r#"{"Id":"2","Created at":"","Note":"two\nlines"}"#),
        (
            5,
            r#"{"Id":"3","Created at":"","Note":"","column4":"more"}"#,
        ),
    ]);
    let text = "Id,Created at,Note\n1,2026-01-02,\"a, \"\"b\"\"\"\n2,,\"two\nlines\"\n3,,,more\n";
    assert_eq!(records(text.as_bytes()), expected);
    for (delimiter, line_end) in [(';', "\n"), ('\t', "\r\n"), ('|', "\n")] {
        let head = format!("\u{feff}Id{delimiter}\"Created at\"{delimiter} Note {line_end}");
        let rows = format!("1{delimiter}2026-01-02{delimiter}x{line_end}2{line_end}");
        assert_eq!(
            read(format!("{head}{rows}").as_bytes(), true, 100).unwrap(),
            numbered(&[
                (2, r#"{"Id":"1","Created at":"2026-01-02","Note":"x"}"#),
                (3, r#"{"Id":"2","Created at":"","Note":""}"#),
            ])
        );
    }
}

/// Jira writes a column for each comment.
#[test]
fn columns_of_one_name_become_a_list() {
    let text = b"Key,Comment,Comment,,Comment\nA-1,first,,x,third\nA-2,,,,\n";
    assert_eq!(
        read(text, true, 100).unwrap(),
        numbered(&[
            (
                2,
                r#"{"Key":"A-1","Comment":["first","third"],"column4":"x"}"#
            ),
            (3, r#"{"Key":"A-2","Comment":[],"column4":""}"#),
        ])
    );
}

#[test]
fn texts_of_windows_are_read_and_utf_16_is_refused() {
    let expected = numbered(&[(2, "{\"Größe\":\"5 €\",\"b\":\"x\",\"c\":\"ü\"}")]);
    assert_eq!(
        read(b"Gr\xf6\xdfe,b,c\n5 \x80,x,\xc3\xbc\n", true, 100).unwrap(),
        expected
    );
    let error = read(b"\xff\xfeI\0d\0", true, 100).unwrap_err();
    assert_eq!(
        error.to_string(),
        "this is UTF-16; save the file as CSV in UTF-8"
    );
}

#[test]
fn lines_that_end_with_carriage_returns_are_refused() {
    let error = read(b"a,b\r1,2\r3,4\r", true, 100).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the lines end with a carriage return only; convert them first: tr '\\r' '\\n' < FILE"
    );
    let quoted = b"a,\"b\rc\"\r\n1,2\r\n";
    assert!(read(quoted, true, 100).is_ok());
}

#[test]
fn a_missing_quote_does_not_fill_the_memory() {
    let text = [b"a,b,c\n1,,\n2,\"x".as_slice(), &vec![b'y'; 1 << 20]].concat();
    let error = read(&text, false, 1_000).unwrap_err().to_string();
    assert_eq!(error, "line 3: a row is too long; a quote may be missing");
}

#[test]
fn names_tell_tables() {
    for name in ["a.csv", "A.CSV", "a.tsv.gz", "a.csv.zst"] {
        assert!(has_table_name(Path::new(name)), "{name}");
    }
    for name in ["a.jsonl", "csv", "a.csv.jsonl", "a.gz"] {
        assert!(!has_table_name(Path::new(name)), "{name}");
    }
}
