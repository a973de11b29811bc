//! Tests of columns against a list of rows.

use proptest::prelude::*;

use super::*;
use crate::TimeRange;

fn candle(minute: i64, close: f64, is_final: bool) -> Candle {
    let open_time = Timestamp::from_secs(minute * 60);
    Candle { open_time, open: 1.0, high: 9.0, low: 0.5, close, volume: 2.0, turnover: 3.0, is_final }
}

fn minutes(range: std::ops::Range<i64>) -> Vec<Candle> {
    range.map(|minute| candle(minute, minute as f64, minute % 5 != 4)).collect()
}

fn addresses(columns: &CandleColumns) -> [*const f64; 6] {
    let figures = [
        columns.opens(),
        columns.highs(),
        columns.lows(),
        columns.closes(),
        columns.volumes(),
        columns.turnovers(),
    ];
    figures.map(<[f64]>::as_ptr)
}

#[test]
fn rows_read_back_as_they_were_pushed() {
    let rows = minutes(0..12);
    let columns: CandleColumns = rows.clone().into();
    assert_eq!(columns, rows);
    assert_eq!(rows, columns.to_vec());
    assert_eq!(columns.iter().rev().collect::<Vec<_>>(), rows.iter().rev().copied().collect::<Vec<_>>());
    assert_eq!((columns.iter().len(), columns.iter().nth(3)), (12, Some(rows[3])));
    assert_eq!(columns.closes(), rows.iter().map(|row| row.close).collect::<Vec<_>>());
    assert_eq!((columns.first(), columns.last()), (rows.first().copied(), rows.last().copied()));
    assert_eq!((columns.get(12), columns.is_final(4), columns.is_final(5)), (None, false, true));
}

#[test]
fn a_clone_and_a_slice_share_the_columns() {
    let columns: CandleColumns = minutes(0..10).into();
    assert_eq!(addresses(&columns.clone()), addresses(&columns));
    let slice = columns.slice(0..4);
    assert_eq!(addresses(&slice), addresses(&columns));
    let mut cut = columns.clone();
    cut.retain(|row| row.open_time < Timestamp::from_secs(240));
    assert_eq!((&cut, addresses(&cut)), (&slice, addresses(&columns)), "what is contiguous is not copied");
    assert_eq!(CandleColumns::merged([columns.slice(4..), slice]), columns);
    assert_eq!(
        addresses(&CandleColumns::merged([columns.slice(..4), columns.slice(4..)])),
        addresses(&columns)
    );
}

#[test]
fn a_change_leaves_other_owners_alone() {
    let columns: CandleColumns = minutes(0..10).into();
    let mut slice = columns.slice(2..5);
    slice.push(candle(90, 1.0, true));
    assert_eq!((slice.len(), columns.len()), (4, 10));
    assert_eq!(slice, [&minutes(2..5)[..], &[candle(90, 1.0, true)]].concat());
    assert_eq!(columns, minutes(0..10));
    let mut alone: CandleColumns = minutes(0..10).into();
    alone.truncate(5);
    alone.extend(minutes(7..9));
    assert_eq!(alone, [minutes(0..5), minutes(7..9)].concat(), "what was cut off does not come back");
    assert_eq!((alone.pop(), alone.len()), (Some(candle(8, 8.0, true)), 6));
}

#[test]
fn a_replaced_row_changes_one_owner_only() {
    let columns: CandleColumns = minutes(0..10).into();
    let mut slice = columns.slice(3..6);
    assert_eq!(slice.replace(1, candle(4, 7.5, true)), Some(candle(4, 4.0, false)));
    assert_eq!(slice.replace(2, candle(5, 8.5, false)), Some(candle(5, 5.0, true)));
    assert_eq!(slice.replace(3, candle(6, 1.0, true)), None);
    assert_eq!(slice, [candle(3, 3.0, true), candle(4, 7.5, true), candle(5, 8.5, false)]);
    assert_eq!(columns, minutes(0..10));
}

#[test]
fn cut_memory_is_given_back() {
    let mut columns: CandleColumns = minutes(0..1_000).into();
    columns.keep_last(3);
    assert_eq!(columns.buffers.capacity(), 1_000);
    columns.shrink_to_fit();
    assert_eq!((columns.buffers.capacity(), columns), (3, minutes(997..1_000).into()));
}

#[test]
fn lists_that_are_no_columns_are_refused() {
    let figures = |rows: usize| std::array::from_fn(|_| vec![1.0; rows]);
    let ok = CandleColumns::from_final(vec![1, 2], figures(2)).unwrap();
    assert_eq!((ok.len(), ok.are_all_final()), (2, true));
    let told = |times: Vec<i64>, rows| CandleColumns::from_final(times, figures(rows)).unwrap_err();
    assert_eq!(told(vec![1], 2), ColumnsError::Length { column: "open", len: 2, rows: 1 });
    let wrong = |row, nanos| ColumnsError::Order { row, open_time: Timestamp::from_nanos(nanos) };
    assert_eq!(told(vec![1, 2, 2], 3), wrong(2, 2));
    let mut builder = CandleColumnsBuilder::with_capacity(2);
    let run = [2.0];
    builder.append_final(&[5], [&run; 6]).unwrap();
    assert_eq!(builder.append_final(&[5], [&run; 6]).unwrap_err(), wrong(1, 5));
    assert_eq!(
        builder.append_final(&[6], [&[]; 6]).unwrap_err(),
        ColumnsError::Length { column: "open", len: 0, rows: 1 }
    );
    assert_eq!((builder.len(), builder.finish().closes()), (1, &run[..]));
}

/// Joins parts as rows, one after the other.
fn joined_by_rows(parts: &[Vec<Candle>]) -> Vec<Candle> {
    let mut joined: std::collections::BTreeMap<Timestamp, Candle> = std::collections::BTreeMap::new();
    for row in parts.iter().flatten() {
        joined
            .entry(row.open_time)
            .and_modify(|kept| {
                if row.is_final || !kept.is_final {
                    *kept = *row;
                }
            })
            .or_insert(*row);
    }
    joined.into_values().collect()
}

fn some_rows() -> impl Strategy<Value = Vec<Candle>> {
    prop::collection::vec((0..40_i64, 0..3_u8, prop::bool::weighted(0.9)), 0..12).prop_map(|rows| {
        rows.into_iter().map(|(minute, close, is_final)| candle(minute, close.into(), is_final)).collect()
    })
}

proptest! {
    #[test]
    fn parts_join_as_their_rows_do(mut parts in prop::collection::vec(some_rows(), 0..5), in_order: bool) {
        if in_order {
            for part in &mut parts {
                part.sort_by_key(|row| row.open_time);
                part.dedup_by_key(|row| row.open_time);
            }
        }
        let columns = parts.iter().map(|part| CandleColumns::from(&part[..]));
        prop_assert_eq!(CandleColumns::merged(columns), joined_by_rows(&parts));
    }

    #[test]
    fn cuts_are_those_of_a_list(rows in some_rows(), from in 0..14_usize, to in 0..14_usize, kept: u16) {
        let mut rows = joined_by_rows(&[rows]);
        let mut columns = CandleColumns::from(&rows[..]);
        let end = to.min(rows.len());
        prop_assert_eq!(columns.slice(from..to), rows[from.min(end)..end].to_vec());
        let range = TimeRange::new(Timestamp::from_secs(from as i64 * 60), Timestamp::from_secs(1_500)).unwrap();
        let inside: Vec<_> = rows.iter().filter(|row| range.contains(row.open_time)).copied().collect();
        prop_assert_eq!(columns.within(range), inside);
        let keeps = |row: &Candle| kept >> (row.open_time.as_secs() / 60 % 16) & 1 == 1;
        columns.keep(from..);
        rows.drain(..from.min(rows.len()));
        columns.retain(keeps);
        rows.retain(keeps);
        prop_assert_eq!(&columns, &rows);
        columns.append(&columns.slice(..2));
        rows.extend_from_within(..2.min(rows.len()));
        prop_assert_eq!(columns, rows);
    }
}
