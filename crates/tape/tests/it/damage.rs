//! Recordings whose program was killed, and files that were changed.

use std::fs;
use std::path::{Path, PathBuf};

use market_backbone_tape::{TapeError, TapeReader};
use tempfile::tempdir;

use crate::rig::{at, frame, record, rest};

fn only_file(dir: &Path) -> PathBuf {
    fs::read_dir(dir).unwrap().next().unwrap().unwrap().path()
}

/// The positions at which blocks begin.
fn blocks(bytes: &[u8]) -> Vec<usize> {
    bytes.windows(4).enumerate().filter(|(_, four)| four == b"BLCK").map(|(place, _)| place).collect()
}

#[test]
fn wherever_a_recording_is_cut_off_only_the_last_block_is_lost() {
    let dir = tempdir().unwrap();
    let entries = [1, 2, 3].map(frame);
    record(dir.path(), &entries);
    let file = only_file(dir.path());
    let whole = fs::read(&file).unwrap();
    let mut most = 0;
    for length in 0..=whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        let mut reader = match TapeReader::open(dir.path()) {
            Ok(reader) => reader,
            // Not even the block that says what is recorded.
            Err(TapeError::Empty { .. }) if most == 0 => continue,
            Err(error) => panic!("cut off at {length}: {error}"),
        };
        let read = rest(&mut reader);
        assert_eq!(read[..], entries[..read.len()], "cut off at {length}");
        assert!(read.len() >= most, "cut off at {length}: more bytes, fewer records");
        most = read.len();
        let is_whole = length == whole.len() || blocks(&whole).contains(&length);
        assert_eq!(reader.torn_tails().is_empty(), is_whole, "cut off at {length}");
        if let [torn] = reader.torn_tails() {
            let words = torn.to_string();
            assert!(words.contains("incomplete block") && words.contains(&torn.bytes.to_string()), "{words}");
        }
    }
    assert_eq!(most, 3);
}

#[test]
fn a_torn_file_does_not_hide_the_files_after_it() {
    let dir = tempdir().unwrap();
    record(dir.path(), &[1, 2].map(frame));
    let file = only_file(dir.path());
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    record(dir.path(), &[frame(3)]);
    let mut reader = TapeReader::open(dir.path()).unwrap();
    assert_eq!(rest(&mut reader), [1, 3].map(frame));
    assert_eq!(reader.torn_tails().len(), 1);
}

#[test]
fn a_changed_byte_is_an_error_that_says_where() {
    let dir = tempdir().unwrap();
    record(dir.path(), &[1, 2, 3].map(frame));
    let file = only_file(dir.path());
    let whole = fs::read(&file).unwrap();
    // The last block may as well be one whose writing was interrupted.
    let last = *blocks(&whole).last().unwrap();
    for place in 8..last {
        let mut changed = whole.clone();
        changed[place] ^= 0x40;
        fs::write(&file, &changed).unwrap();
        let read = || {
            let mut reader = TapeReader::open_between(dir.path(), at(0), at(100))?;
            while reader.next()?.is_some() {}
            Ok::<_, TapeError>(reader.torn_tails().len())
        };
        match read() {
            Ok(torn) => panic!("byte {place} was changed and nothing was said ({torn} torn)"),
            Err(error @ TapeError::Damaged { .. }) => {
                let words = error.to_string();
                assert!(words.contains("damaged at byte") && words.contains(".tape"), "{words}");
            }
            Err(error) => panic!("byte {place}: {error}"),
        }
    }
}

#[test]
fn a_file_of_a_newer_format_and_one_of_something_else_are_refused() {
    let dir = tempdir().unwrap();
    record(dir.path(), &[frame(1)]);
    let file = only_file(dir.path());
    let mut bytes = fs::read(&file).unwrap();
    bytes[7] = 9;
    fs::write(&file, &bytes).unwrap();
    let error = TapeReader::open(dir.path()).unwrap_err();
    assert!(matches!(error, TapeError::Newer { found: 9, .. }), "{error}");
    bytes[0] = b'x';
    fs::write(&file, &bytes).unwrap();
    let error = TapeReader::open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("does not begin as a recording"), "{error}");
}
