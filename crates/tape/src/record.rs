//! The records of a recording, and their bytes.
//!
//! A record is its kind (1 byte), its time (8), the length of its body (4) and the body. Numbers are little-endian.

use market_backbone_core::{Channel, Symbol, Timestamp, VenueId};

/// The length of a record without its body.
pub(crate) const RECORD_HEAD: usize = 13;

const SESSION: u8 = 0;
const CONNECTED: u8 = 1;
const FRAME: u8 = 2;
const DISCONNECTED: u8 = 3;
const REPLY: u8 = 4;
const MISSED: u8 = 5;

/// The venue and the channels of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapeSession {
    /// The source whose data it is.
    pub venue: VenueId,
    /// The channels that were subscribed.
    pub channels: Vec<Channel>,
}

/// Something that was received, with its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapeEntry {
    /// The receive time.
    pub time: Timestamp,
    /// The thing that was received.
    pub record: TapeRecord,
}

/// Something that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TapeRecord {
    /// The beginning of a file: what is recorded.
    Session(TapeSession),
    /// A connection was opened.
    Connected {
        /// The number of the connection.
        connection: u64,
    },
    /// A frame arrived.
    Frame {
        /// The number of the connection.
        connection: u64,
        /// The payload of the frame.
        bytes: Vec<u8>,
    },
    /// A connection ended.
    Disconnected {
        /// The number of the connection.
        connection: u64,
    },
    /// A request was answered.
    Reply {
        /// The path and the query of the request.
        target: String,
        /// The status of the answer.
        status: u16,
        /// The headers of the answer, one a line as `name: value`.
        headers: String,
        /// The body of the answer, decompressed.
        body: Vec<u8>,
    },
    /// Records before this one were dropped, because the queue of the recorder was full.
    Missed {
        /// The number of dropped records.
        records: u64,
    },
}

impl TapeSession {
    fn to_text(&self) -> String {
        let mut text = self.venue.as_str().to_owned();
        for channel in &self.channels {
            text.push_str(&format!("\n{} {}", channel.kind, channel.symbol.code()));
        }
        text
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let venue: VenueId = lines.next()?.parse().ok()?;
        let channel = |line: &str| {
            let (kind, code) = line.split_once(' ')?;
            let symbol = if code == Symbol::any(venue).code() {
                Symbol::any(venue)
            } else {
                Symbol::new(venue, code).ok()?
            };
            Some(Channel { symbol, kind: kind.parse().ok()? })
        };
        Some(Self { venue, channels: lines.map(channel).collect::<Option<_>>()? })
    }
}

/// Appends a record to `bytes`, its body in parts.
fn append(bytes: &mut Vec<u8>, kind: u8, time: Timestamp, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    bytes.push(kind);
    bytes.extend_from_slice(&time.as_nanos().to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
}

pub(crate) fn append_session(bytes: &mut Vec<u8>, time: Timestamp, session: &TapeSession) {
    append(bytes, SESSION, time, &[session.to_text().as_bytes()]);
}

pub(crate) fn append_connected(bytes: &mut Vec<u8>, time: Timestamp, connection: u64) {
    append(bytes, CONNECTED, time, &[&connection.to_le_bytes()]);
}

pub(crate) fn append_disconnected(bytes: &mut Vec<u8>, time: Timestamp, connection: u64) {
    append(bytes, DISCONNECTED, time, &[&connection.to_le_bytes()]);
}

pub(crate) fn append_frame(bytes: &mut Vec<u8>, time: Timestamp, connection: u64, frame: &[u8]) {
    append(bytes, FRAME, time, &[&connection.to_le_bytes(), frame]);
}

pub(crate) fn append_missed(bytes: &mut Vec<u8>, time: Timestamp, records: u64) {
    append(bytes, MISSED, time, &[&records.to_le_bytes()]);
}

pub(crate) fn append_reply(
    bytes: &mut Vec<u8>,
    time: Timestamp,
    (target, status, headers, body): (&str, u16, &str, &[u8]),
) {
    let length = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
    let parts: [&[u8]; 6] = [
        &status.to_le_bytes(),
        &length(target),
        target.as_bytes(),
        &length(headers),
        headers.as_bytes(),
        body,
    ];
    append(bytes, REPLY, time, &parts);
}

/// Reads the first record of `bytes`, and returns it with the bytes after it; `None` if these are not the bytes of one.
/// Records of a kind that this version does not know are left out by the caller.
pub(crate) fn read(bytes: &[u8]) -> Option<(Option<TapeEntry>, &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    let (time, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (body, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let record = match *kind {
        SESSION => TapeRecord::Session(TapeSession::from_text(std::str::from_utf8(body).ok()?)?),
        CONNECTED => TapeRecord::Connected { connection: number(body)?.0 },
        DISCONNECTED => TapeRecord::Disconnected { connection: number(body)?.0 },
        FRAME => {
            let (connection, frame) = number(body)?;
            TapeRecord::Frame { connection, bytes: frame.to_vec() }
        }
        REPLY => read_reply(body)?,
        MISSED => TapeRecord::Missed { records: number(body)?.0 },
        _ => return Some((None, rest)),
    };
    Some((Some(TapeEntry { time: Timestamp::from_nanos(i64::from_le_bytes(*time)), record }), rest))
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_le_bytes(*number), rest))
}

fn read_reply(body: &[u8]) -> Option<TapeRecord> {
    fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        Some((String::from_utf8(text.to_vec()).ok()?, rest))
    }
    let (status, rest) = body.split_first_chunk()?;
    let (target, rest) = text(rest)?;
    let (headers, body) = text(rest)?;
    Some(TapeRecord::Reply { target, status: u16::from_le_bytes(*status), headers, body: body.to_vec() })
}
