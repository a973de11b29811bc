//! The format of a file by its extension.

use std::path::Path;

/// A format that an extension names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileFormat {
    Csv,
    /// The JSON format with one object a line.
    Json,
    Parquet,
    /// Arrow IPC, also called Feather.
    Arrow,
    /// Text for people to read.
    Text,
}

impl FileFormat {
    /// Returns the format of `file`; `None` if it has no extension, or an unknown one.
    pub(crate) fn of(file: &Path) -> Option<Self> {
        let ending = file.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "csv" => Some(Self::Csv),
            "json" | "ndjson" | "jsonl" => Some(Self::Json),
            "parquet" => Some(Self::Parquet),
            "arrow" | "feather" | "ipc" => Some(Self::Arrow),
            "txt" => Some(Self::Text),
            _ => None,
        }
    }
}
