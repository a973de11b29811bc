//! Checksums of the content of a shard: of the rows of a block, and of the ledger of a series.
//!
//! SQLite notices damage to the structure of a file and not to its content: a flipped bit in a price is a
//! price, and one in a key hides all rows behind it. The name of the series is part of each checksum, so that
//! rows in a wrong table do not match. The bytes that are hashed are part of the files' format.

use market_backbone_core::{Candle, Coverage, Provenance};
use twox_hash::XxHash3_64;

use crate::origin_codec;

/// Returns the checksum of the rows of a block, oldest first.
pub(super) fn of_rows<'a>(label: &str, oldest_first: impl IntoIterator<Item = &'a Candle>) -> i64 {
    let mut bytes = Vec::with_capacity(64 * 56 + label.len());
    bytes.extend_from_slice(label.as_bytes());
    for candle in oldest_first {
        let Candle { open_time, open, high, low, close, volume, turnover, .. } = *candle;
        bytes.extend_from_slice(&open_time.as_millis().to_le_bytes());
        for figure in [open, high, low, close, volume, turnover] {
            // SQLite gives a negative zero back as zero.
            bytes.extend_from_slice(&(figure + 0.0).to_le_bytes());
        }
    }
    of_bytes(&bytes)
}

/// Returns the checksum of the ledger of a series.
pub(super) fn of_ledger(label: &str, known: &Coverage) -> Result<i64, sqlx::Error> {
    let mut bytes = label.as_bytes().to_vec();
    let number = |bytes: &mut Vec<u8>, number: i64| bytes.extend_from_slice(&number.to_le_bytes());
    let said = |bytes: &mut Vec<u8>, said: Option<Provenance>| {
        let Some(Provenance { origin, observed_at }) = said else {
            bytes.push(b'-');
            return Ok(());
        };
        bytes.extend_from_slice(origin_codec::encode(origin)?.as_bytes());
        number(bytes, observed_at.as_nanos());
        Ok::<_, sqlx::Error>(())
    };
    for span in known.spans() {
        bytes.push(b's');
        number(&mut bytes, span.range.from().as_nanos());
        number(&mut bytes, span.range.to().as_nanos());
        said(&mut bytes, Some(span.provenance))?;
    }
    for dispute in known.disputes() {
        bytes.push(b'd');
        number(&mut bytes, dispute.range.from().as_nanos());
        number(&mut bytes, dispute.range.to().as_nanos());
        said(&mut bytes, dispute.earlier)?;
        said(&mut bytes, dispute.later)?;
    }
    for claim in known.claims() {
        bytes.push(b'c');
        for moment in [claim.range.from(), claim.range.to(), claim.first_asked_at, claim.last_asked_at] {
            number(&mut bytes, moment.as_nanos());
        }
        bytes.push(claim.observations);
    }
    Ok(of_bytes(&bytes))
}

/// Returns the checksum of any bytes.
pub(crate) fn of_bytes(bytes: &[u8]) -> i64 {
    XxHash3_64::oneshot(bytes).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{AbsenceClaim, Dispute, Origin, Span, TimeRange, Timestamp};

    fn candle(minute: i64) -> Candle {
        Candle {
            open_time: Timestamp::from_secs(minute * 60),
            open: 1.5,
            high: 2.0,
            low: 1.0,
            close: 1.25,
            volume: 3.0,
            turnover: 0.0,
            is_final: true,
        }
    }

    #[test]
    fn sums_are_those_of_every_other_machine() {
        // By `xxhsum -H3` of the same bytes.
        assert_eq!(of_bytes(b"").cast_unsigned(), 0x2d06_8005_38d3_94c2);
        assert_eq!(of_bytes(b"abc").cast_unsigned(), 0x78af_5f94_892f_3950);
    }

    #[test]
    fn every_figure_the_order_and_the_series_count() {
        let rows = [candle(1), candle(2)];
        let sum = of_rows("KRW-BTC 1m", &rows);
        assert_eq!(sum, of_rows("KRW-BTC 1m", &[candle(1), Candle { turnover: -0.0, ..candle(2) }]));
        assert_ne!(sum, of_rows("KRW-ETH 1m", &rows));
        assert_ne!(sum, of_rows("KRW-BTC 1m", &rows[..1]));
        assert_ne!(sum, of_rows("KRW-BTC 1m", &[candle(2), candle(1)]));
        for bit in 0..64 {
            let volume = f64::from_bits(candle(2).volume.to_bits() ^ (1 << bit));
            assert_ne!(sum, of_rows("KRW-BTC 1m", &[candle(1), Candle { volume, ..candle(2) }]), "{bit}");
        }
    }

    #[test]
    fn all_that_a_coverage_says_counts() {
        let range = |from, to| TimeRange::new(Timestamp::from_secs(from), Timestamp::from_secs(to)).unwrap();
        let provenance = Provenance { origin: Origin::Rest, observed_at: Timestamp::from_secs(9) };
        let mut known: Coverage = [Span { range: range(0, 60), provenance }].into_iter().collect();
        let sum = |known: &Coverage| of_ledger("KRW-BTC 1m", known).unwrap();
        let mut sums = vec![sum(&Coverage::empty()), sum(&known)];
        known.add_dispute(Dispute { range: range(0, 10), earlier: None, later: Some(provenance) });
        sums.push(sum(&known));
        known.add_claim(AbsenceClaim::of(range(60, 90), Timestamp::from_secs(70)));
        sums.push(sum(&known));
        known.add_claim(AbsenceClaim::of(range(60, 90), Timestamp::from_secs(80)));
        sums.push(sum(&known));
        sums.sort_unstable();
        sums.dedup();
        assert_eq!(sums.len(), 5);
    }
}
