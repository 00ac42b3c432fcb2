//! A compressed temporary file of records, which can be read several times. The file has no name, so it
//! disappears with the process.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use super::kafka::KafkaRecord;

/// The fastest level: it makes events ten times smaller, because they resemble each other.
const LEVEL: i32 = 1;
const BUFFER_BYTES: usize = 1 << 18;
/// Means an unknown time.
const NO_TIME: i64 = i64::MIN;
/// Means no value, which differs from an empty one.
const NO_VALUE: u32 = u32::MAX;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpooledRecord {
    pub offset: i64,
    pub timestamp: Option<i64>,
    pub key: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
    pub value: Option<Vec<u8>>,
}

impl From<&KafkaRecord<'_>> for SpooledRecord {
    fn from(record: &KafkaRecord<'_>) -> Self {
        Self {
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.map(<[u8]>::to_vec),
            headers: record
                .headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
                .collect(),
            value: record.value.map(<[u8]>::to_vec),
        }
    }
}

pub struct SpoolWriter(zstd::Encoder<'static, BufWriter<File>>);

#[derive(Debug)]
pub struct Spool(File);

pub struct SpoolReader(Box<dyn Read>);

impl SpoolWriter {
    /// Creates a file in the directory for temporary files.
    pub fn create() -> io::Result<Self> {
        let file = BufWriter::with_capacity(BUFFER_BYTES, tempfile::tempfile()?);
        Ok(Self(zstd::Encoder::new(file, LEVEL)?))
    }

    pub fn push(&mut self, record: &SpooledRecord) -> io::Result<()> {
        self.0.write_all(&record.offset.to_le_bytes())?;
        let time = record.timestamp.unwrap_or(NO_TIME);
        self.0.write_all(&time.to_le_bytes())?;
        self.bytes(record.value.as_deref())?;
        self.bytes(record.key.as_deref())?;
        let headers = u32::try_from(record.headers.len()).map_err(|_| too_large())?;
        self.0.write_all(&headers.to_le_bytes())?;
        for (name, value) in &record.headers {
            self.bytes(Some(name.as_bytes()))?;
            self.bytes(Some(value))?;
        }
        Ok(())
    }

    fn bytes(&mut self, bytes: Option<&[u8]>) -> io::Result<()> {
        let length = match bytes {
            Some(bytes) => u32::try_from(bytes.len())
                .ok()
                .filter(|length| *length != NO_VALUE)
                .ok_or_else(too_large)?,
            None => NO_VALUE,
        };
        self.0.write_all(&length.to_le_bytes())?;
        self.0.write_all(bytes.unwrap_or_default())
    }

    pub fn finish(self) -> io::Result<Spool> {
        let file = self.0.finish()?;
        Ok(Spool(file.into_inner().map_err(io::Error::from)?))
    }
}

impl Spool {
    /// Reads from the first record. Only one reader may exist at a time, because all share one file
    /// position.
    pub fn open(&self) -> io::Result<SpoolReader> {
        let mut file = self.0.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        let decoder = zstd::Decoder::new(file)?;
        let reader = BufReader::with_capacity(BUFFER_BYTES, decoder);
        Ok(SpoolReader(Box::new(reader)))
    }
}

impl SpoolReader {
    /// Reads the next record into `record`. Returns whether there was one.
    pub fn next(&mut self, record: &mut SpooledRecord) -> io::Result<bool> {
        let mut offset = [0; 8];
        if self.0.read(&mut offset[..1])? == 0 {
            return Ok(false);
        }
        self.0.read_exact(&mut offset[1..])?;
        record.offset = i64::from_le_bytes(offset);
        let mut time = [0; 8];
        self.0.read_exact(&mut time)?;
        record.timestamp = Some(i64::from_le_bytes(time)).filter(|time| *time != NO_TIME);
        let buffer = record.value.take().unwrap_or_default();
        record.value = self.bytes(buffer)?;
        let buffer = record.key.take().unwrap_or_default();
        record.key = self.bytes(buffer)?;
        record.headers.clear();
        for _ in 0..self.length()? {
            let name = self.bytes(Vec::new())?.unwrap_or_default();
            let value = self.bytes(Vec::new())?.unwrap_or_default();
            let name = String::from_utf8_lossy(&name).into_owned();
            record.headers.push((name, value));
        }
        Ok(true)
    }

    fn length(&mut self) -> io::Result<u32> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length)?;
        Ok(u32::from_le_bytes(length))
    }

    /// Reads bytes into `buffer`, to use its memory again.
    fn bytes(&mut self, mut buffer: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
        let length = self.length()?;
        if length == NO_VALUE {
            return Ok(None);
        }
        buffer.clear();
        buffer.resize(length as usize, 0);
        self.0.read_exact(&mut buffer)?;
        Ok(Some(buffer))
    }
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a record is larger than 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(spool: &Spool) -> Vec<SpooledRecord> {
        let mut reader = spool.open().unwrap();
        let mut record = SpooledRecord::default();
        let mut all = Vec::new();
        while reader.next(&mut record).unwrap() {
            all.push(record.clone());
        }
        all
    }

    #[test]
    fn records_can_be_read_twice_in_their_order() {
        let mut writer = SpoolWriter::create().unwrap();
        let numbered = |number: i64| SpooledRecord {
            offset: number * 3,
            timestamp: (number % 2 == 0).then_some(number),
            key: (number % 3 == 0).then(|| number.to_le_bytes().to_vec()),
            headers: (0..number % 4)
                .map(|header| (format!("h{header}"), vec![0; 3]))
                .collect(),
            value: Some(number.to_string().into_bytes().repeat(40)),
        };
        let bare = |offset, value| SpooledRecord {
            offset,
            value,
            ..SpooledRecord::default()
        };
        let records: Vec<SpooledRecord> = (0..5_000)
            .map(numbered)
            .chain([
                bare(20_000, Some(Vec::new())),
                bare(20_001, None),
                bare(i64::MAX, Some(b"\n\0".to_vec())),
            ])
            .collect();
        for record in &records {
            writer.push(record).unwrap();
        }
        let spool = writer.finish().unwrap();
        assert_eq!(read(&spool), records);
        assert_eq!(read(&spool), records);
    }

    #[test]
    fn an_empty_spool_has_no_record() {
        let spool = SpoolWriter::create().unwrap().finish().unwrap();
        assert_eq!(read(&spool), []);
    }
}
