//! The output as a sink of bytes, for libraries that write a format of their own.

use std::io::{self, Write};

use super::Output;

/// The most bytes that are taken at once, so that the queue of stdout keeps its size.
const PIECE: usize = 32 << 10;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE);
        self.lines(&bytes[..taken])?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::flush(self)
    }
}
