//! What the ending of a file's name says about what is in it.

use std::path::Path;

/// A format that an ending names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileFormat {
    Csv,
    /// One object a line.
    Json,
    Parquet,
    /// Text for people to read.
    Text,
}

impl FileFormat {
    /// That of `file`; `None` if it has none, or one that names no format of ours.
    pub(crate) fn of(file: &Path) -> Option<Self> {
        let ending = file.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "csv" => Some(Self::Csv),
            "json" | "ndjson" | "jsonl" => Some(Self::Json),
            "parquet" => Some(Self::Parquet),
            "txt" => Some(Self::Text),
            _ => None,
        }
    }
}
