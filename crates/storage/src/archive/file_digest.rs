//! The SHA-256 of a file's bytes, for formats whose readers do not survive all damage.
//!
//! The Parquet library panics at some wrong bytes, and others could make it allocate any amount of memory. So
//! it only gets files that are unchanged since they were written.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use market_backbone_core::StoreError;
use ring::digest::{Context, SHA256};

use super::fault::io;

/// Returns the digest of the file at `path` in hex, as `sha256sum` prints it.
pub(super) fn of(path: &Path, mut file: File) -> Result<String, StoreError> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(|error| io(path, error))? {
            0 => break,
            read => context.update(&buffer[..read]),
        }
    }
    Ok(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_digest_that_sha256sum_prints() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of(&path, File::open(&path).unwrap()).unwrap(), known);
    }
}
