//! CSV files, plain or gzip, as rows by column name.

use flate2::read::GzDecoder;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;

#[derive(Debug)]
pub struct Table {
    columns: Vec<String>,
    records: Vec<Vec<String>>,
}

impl Table {
    pub fn gzip(path: &str) -> Self {
        let mut text = String::new();
        let read = GzDecoder::new(open(path)).read_to_string(&mut text);
        read.expect("a gzip file");
        Self::parse(&text)
    }

    pub fn plain(path: &str) -> Self {
        let mut text = String::new();
        open(path).read_to_string(&mut text).expect("a text file");
        Self::parse(&text)
    }

    pub fn rows(&self) -> impl Iterator<Item = HashMap<&str, &str>> {
        self.records.iter().map(|record| {
            let cells = record.iter().map(String::as_str);
            self.columns.iter().map(String::as_str).zip(cells).collect()
        })
    }

    fn parse(text: &str) -> Self {
        let mut records = Vec::new();
        let (mut record, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        for character in text.chars() {
            match character {
                '"' => quoted = !quoted,
                ',' if !quoted => record.push(std::mem::take(&mut cell)),
                '\n' if !quoted => {
                    record.push(std::mem::take(&mut cell));
                    records.push(std::mem::take(&mut record));
                }
                '\r' => {}
                other => cell.push(other),
            }
        }
        if !cell.is_empty() || !record.is_empty() {
            record.push(cell);
            records.push(record);
        }
        let columns = records.remove(0);
        Self { columns, records }
    }
}

fn open(path: &str) -> File {
    let folder = super::folder();
    File::open(folder.join(path)).expect(path)
}
