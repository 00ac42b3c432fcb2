//! Just enough HTTP/2 (RFC 9113) to misuse it.

use std::io::{Read, Write};
use std::net::TcpStream;

use openssl::ssl::{SslConnector, SslMethod, SslStream, SslVerifyMode};

use super::connect;

/// Types of frames.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A TLS connection that offers `protocol` (RFC 7301).
pub(super) fn tls(address: &str, protocol: &[u8]) -> SslStream<TcpStream> {
    let stream = connect(address);
    let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    let length = u8::try_from(protocol.len()).unwrap();
    connector
        .set_alpn_protos(&[&[length], protocol].concat())
        .unwrap();
    connector.build().connect("localhost", stream).unwrap()
}

/// The results of a connection.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Error codes of streams that were reset, in order.
    pub(super) resets: Vec<u32>,
    /// The error code of GOAWAY, if it was received.
    pub(super) go_away: Option<u32>,
    /// Streams that ended with an answer.
    pub(super) answers: usize,
    /// Those of them without a body.
    pub(super) bare_answers: usize,
}

/// A connection for requests.
pub(super) struct Http2 {
    stream: SslStream<TcpStream>,
    next: u32,
}

impl Http2 {
    pub(super) fn connect(address: &str) -> Self {
        let mut stream = tls(address, b"h2");
        assert_eq!(
            stream.ssl().selected_alpn_protocol(),
            Some(b"h2".as_slice())
        );
        stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .unwrap();
        let mut connection = Self { stream, next: 1 };
        connection.frame(SETTINGS, 0, 0, &[]).unwrap();
        connection
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, content: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.stream.write_all(&[&head, content].concat())
    }

    /// Starts a request and returns its stream.
    pub(super) fn request(&mut self, path: &str, more: &[(&str, &str)]) -> std::io::Result<u32> {
        let stream = self.next;
        self.next += 2;
        // HPACK (RFC 7541): GET and https from the static table, the rest literally.
        let mut block = vec![0x82, 0x87, 0x04];
        put_text(&mut block, path);
        block.push(0x01);
        put_text(&mut block, "test");
        for (name, value) in more {
            block.push(0x00);
            put_text(&mut block, name);
            put_text(&mut block, value);
        }
        self.frame(HEADERS, END_STREAM | END_HEADERS, stream, &block)?;
        Ok(stream)
    }

    /// Cancels a request.
    pub(super) fn reset(&mut self, stream: u32) -> std::io::Result<()> {
        self.frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())
    }

    /// Reads frames until the connection ends, or `enough` returns true.
    pub(super) fn read(&mut self, enough: impl Fn(&Seen) -> bool) -> Seen {
        let mut seen = Seen::default();
        let mut head = [0; 9];
        while !enough(&seen) && self.stream.read_exact(&mut head).is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut content = vec![0; usize::try_from(length).unwrap()];
            if self.stream.read_exact(&mut content).is_err() {
                break;
            }
            let code = |at: usize| u32::from_be_bytes(content[at..at + 4].try_into().unwrap());
            match head[3] {
                RST_STREAM => seen.resets.push(code(0)),
                GO_AWAY => seen.go_away = Some(code(4)),
                HEADERS | DATA if head[4] & END_STREAM != 0 => {
                    seen.answers += 1;
                    seen.bare_answers += usize::from(head[3] == HEADERS);
                }
                _ => {}
            }
        }
        seen
    }
}

/// A literal of HPACK, without Huffman coding.
fn put_text(block: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    if length < 127 {
        block.push(u8::try_from(length).unwrap());
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push(u8::try_from(length % 128 + 128).unwrap());
            length /= 128;
        }
        block.push(u8::try_from(length).unwrap());
    }
    block.extend(text.bytes());
}
