//! The format of candles: by `--format`, else by the file's extension.

use std::path::Path;

use clap::ValueEnum;

use crate::args::CandleFormat;
use crate::exit::UsageError;
use crate::file_format::FileFormat;
use crate::output;

/// Returns the format for one file, or for the terminal if none is named.
pub(super) fn of_file(said: Option<CandleFormat>, file: Option<&Path>) -> Result<CandleFormat, UsageError> {
    let Some(file) = file else {
        return match said {
            Some(CandleFormat::Parquet) => Err(UsageError(
                "Parquet goes to a file: name it with --output, or a folder with --output-dir".to_owned(),
            )),
            Some(CandleFormat::Arrow) if output::is_terminal() => Err(UsageError(
                "Arrow is not for a terminal: name a file with --output, or write to a pipe".to_owned(),
            )),
            said => Ok(said.unwrap_or(CandleFormat::Table)),
        };
    };
    let (shown, ended) = (file.display(), FileFormat::of(file).map(format_of));
    match (said, ended) {
        (Some(said), Some(ended)) if said != ended => Err(UsageError(format!(
            "--format says {}, but the extension of {shown} says {}; change one of them",
            name(said),
            name(ended)
        ))),
        (Some(format), _) | (None, Some(format)) => Ok(format),
        (None, None) => Err(UsageError(format!(
            "the extension of {shown} names no format: use .csv, .json, .ndjson, .jsonl, .parquet, .arrow or \
             .txt (a table), or --format"
        ))),
    }
}

/// Returns the format for files in a folder: CSV, unless another is named.
pub(super) fn of_folder(said: Option<CandleFormat>) -> Result<CandleFormat, UsageError> {
    match said {
        Some(CandleFormat::Table) => Err(UsageError(
            "--output-dir writes files for programs; use --format csv, json, parquet or arrow".to_owned(),
        )),
        said => Ok(said.unwrap_or(CandleFormat::Csv)),
    }
}

/// Returns the extension of files in this format. JSON means one object a line.
pub(super) const fn extension(format: CandleFormat) -> &'static str {
    match format {
        CandleFormat::Table => "txt",
        CandleFormat::Csv => "csv",
        CandleFormat::Json => "ndjson",
        CandleFormat::Parquet => "parquet",
        CandleFormat::Arrow => "arrow",
    }
}

const fn format_of(ending: FileFormat) -> CandleFormat {
    match ending {
        FileFormat::Csv => CandleFormat::Csv,
        FileFormat::Json => CandleFormat::Json,
        FileFormat::Parquet => CandleFormat::Parquet,
        FileFormat::Arrow => CandleFormat::Arrow,
        FileFormat::Text => CandleFormat::Table,
    }
}

fn name(format: CandleFormat) -> String {
    format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use CandleFormat::{Arrow, Csv, Json, Parquet, Table};

    fn of(said: Option<CandleFormat>, file: &str) -> Result<CandleFormat, String> {
        of_file(said, Some(Path::new(file))).map_err(|error| error.to_string())
    }

    #[test]
    fn the_ending_chooses_where_nothing_is_said() {
        let files = [("a.csv", Csv), ("a.json", Json), ("b/a.ndjson", Json), ("a.jsonl", Json)];
        for (file, format) in [
            &files[..],
            &[("a.PARQUET", Parquet), ("a.2026.csv", Csv), ("a.txt", Table), ("a.feather", Arrow)],
        ]
        .concat()
        {
            assert_eq!(of(None, file), Ok(format), "{file}");
            assert_eq!(of(Some(format), file), Ok(format), "{file}");
        }
        assert_eq!(
            of(Some(Parquet), "rows.dat"),
            Ok(Parquet),
            "what is said holds where the ending says nothing"
        );
        assert_eq!(of_file(None, None).ok(), Some(Table));
    }

    #[test]
    fn what_contradicts_itself_or_says_nothing_is_refused() {
        let refused = |said, file, want: &str| {
            let error = of(said, file).unwrap_err();
            assert!(error.contains(want), "{error}");
        };
        refused(Some(Csv), "a.parquet", "--format says csv, but the extension of a.parquet says parquet");
        refused(Some(Table), "a.json", "says table");
        refused(None, "rows", ".parquet");
        refused(None, "rows.csv.gz", "names no format");
        assert!(of_file(Some(Parquet), None).is_err() && of_folder(Some(Table)).is_err());
        assert_eq!(of_folder(None).ok(), Some(Csv));
    }
}
