//! Records set aside on disk, compressed, to be read again in order as often as wanted. The file
//! has no name and is gone with the process, whatever ends that.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

/// Events are alike: the fastest level makes them ten times smaller.
const LEVEL: i32 = 1;
/// Enough for the disk to be busy.
const BUFFER_BYTES: usize = 1 << 18;
/// Before each value stand its offset, eight bytes, and its length, four.
const HEAD_BYTES: usize = 12;

/// Takes records.
pub struct SpoolWriter(zstd::Encoder<'static, BufWriter<File>>);

/// Records that can be read.
#[derive(Debug)]
pub struct Spool(File);

/// Reads records once.
pub struct SpoolReader(Box<dyn Read>);

impl SpoolWriter {
    /// In the directory for temporary files.
    ///
    /// # Errors
    /// The operating system's.
    pub fn create() -> io::Result<Self> {
        let file = BufWriter::with_capacity(BUFFER_BYTES, tempfile::tempfile()?);
        Ok(Self(zstd::Encoder::new(file, LEVEL)?))
    }

    /// # Errors
    /// The operating system's, as of a full disk.
    pub fn push(&mut self, offset: i64, value: &[u8]) -> io::Result<()> {
        let length = u32::try_from(value.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a record of 4 GiB"))?;
        self.0.write_all(&offset.to_le_bytes())?;
        self.0.write_all(&length.to_le_bytes())?;
        self.0.write_all(value)
    }

    /// # Errors
    /// The operating system's, as of a full disk.
    pub fn finish(self) -> io::Result<Spool> {
        let file = self.0.finish()?;
        Ok(Spool(file.into_inner().map_err(io::Error::from)?))
    }
}

impl Spool {
    /// Reads from the first record. One reader at a time: they share their place in the file.
    ///
    /// # Errors
    /// The operating system's.
    pub fn open(&self) -> io::Result<SpoolReader> {
        let mut file = self.0.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        let decoder = zstd::Decoder::new(file)?;
        let reader = BufReader::with_capacity(BUFFER_BYTES, decoder);
        Ok(SpoolReader(Box::new(reader)))
    }
}

impl SpoolReader {
    /// Puts the next value into `value`; its offset, `None` behind the last one.
    ///
    /// # Errors
    /// The operating system's.
    pub fn next(&mut self, value: &mut Vec<u8>) -> io::Result<Option<i64>> {
        let mut head = [0; HEAD_BYTES];
        if self.0.read(&mut head[..1])? == 0 {
            return Ok(None);
        }
        self.0.read_exact(&mut head[1..])?;
        let [a, b, c, d, e, f, g, h, i, j, k, l] = head;
        let length = u32::from_le_bytes([i, j, k, l]);
        value.clear();
        value.resize(length as usize, 0);
        self.0.read_exact(value)?;
        Ok(Some(i64::from_le_bytes([a, b, c, d, e, f, g, h])))
    }
}

impl fmt::Debug for SpoolWriter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SpoolWriter")
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SpoolReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SpoolReader")
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(spool: &Spool) -> Vec<(i64, Vec<u8>)> {
        let mut reader = spool.open().unwrap();
        let mut value = Vec::new();
        let mut all = Vec::new();
        while let Some(offset) = reader.next(&mut value).unwrap() {
            all.push((offset, value.clone()));
        }
        all
    }

    #[test]
    fn records_come_back_in_order_and_again() {
        let mut writer = SpoolWriter::create().unwrap();
        let records: Vec<(i64, Vec<u8>)> = (0..5_000)
            .map(|number| (number * 3, number.to_string().into_bytes().repeat(40)))
            .chain([(20_000, Vec::new()), (i64::MAX, b"\n\0".to_vec())])
            .collect();
        for (offset, value) in &records {
            writer.push(*offset, value).unwrap();
        }
        let spool = writer.finish().unwrap();
        assert_eq!(read(&spool), records);
        assert_eq!(read(&spool), records);
    }

    #[test]
    fn nothing_comes_back_as_nothing() {
        let spool = SpoolWriter::create().unwrap().finish().unwrap();
        assert_eq!(read(&spool), []);
    }
}
