//! A disk that is full, fails, or holds a damaged file does not prevent an answer: it is returned, marked as
//! not stored.

use std::sync::atomic::Ordering::Relaxed;

use market_backbone_core::{Candle, Series, StoreError, StoreErrorKind, WriteFailure};

use super::StoredSource;

impl StoredSource {
    /// Returns which part of `candles` could not be stored (`kept`), if the disk is the reason.
    pub(super) fn write_failure(
        &self,
        series: &Series,
        candles: &[Candle],
        kept: Result<(), StoreError>,
    ) -> Result<Option<WriteFailure>, StoreError> {
        match kept {
            Ok(()) => {
                self.is_full.store(false, Relaxed);
                Ok(None)
            }
            Err(error)
                if matches!(
                    error.kind(),
                    StoreErrorKind::DiskFull | StoreErrorKind::Inaccessible | StoreErrorKind::Corrupt
                ) =>
            {
                if !self.is_full.swap(true, Relaxed) {
                    tracing::warn!(%series, %error, "candles are passed on and not stored");
                }
                let rows = candles.iter().filter(|candle| candle.is_final).count();
                Ok(Some(WriteFailure::new(rows, &error)))
            }
            Err(error) => Err(error),
        }
    }
}
