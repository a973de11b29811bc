//! Recorded trades in, candles out: equal to a fold written down a second time, holes included.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use market_backbone_emulator::Scenario;
use tempfile::tempdir;

use crate::run::{Print, Venue, assert_same, fold};
use market_backbone_testkit::recorded;

const MINUTE: i64 = 60_000;

#[test]
fn candles_of_recorded_trades_equal_an_independent_fold() {
    let Some(file) = recorded("upbit/trades_krw_2026-05-12_13.csv.gz") else { return };
    let prints = read(&file);
    let total: usize = prints.values().map(Vec::len).sum();
    assert_eq!(total, 82_162);
    compare(&file, prints, 10);
}

#[test]
fn candles_of_a_tape_written_by_hand_equal_an_independent_fold() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("tape.csv");
    let mut text = "trade_timestamp_ms,market,trade_price,trade_volume\n".to_owned();
    // A thick market, and a thin one with holes of five minutes and more.
    for trade in 0..600_i64 {
        let ms = 1_778_570_215_005 + trade * 1_500;
        text.push_str(&format!("{ms},KRW-BTC,{},0.0{}\n", 150_000_000 + trade % 7 * 1_000, 1 + trade % 9));
        if trade % 211 == 0 {
            text.push_str(&format!("{ms},KRW-MBL,1.5{},2019800.65359477\n", trade % 3));
        }
    }
    std::fs::write(&file, text).unwrap();
    let prints = read(&file);
    compare(&file, prints, 1);
}

/// The thickest and the thinnest `each` markets of the tape, asked through the command.
fn compare(file: &Path, prints: BTreeMap<String, Vec<Print>>, each: usize) {
    let data = tempdir().unwrap();
    let venue = Venue::start(Scenario { tape: Some(file.to_owned()), ..Scenario::default() });
    let first = prints.values().filter_map(|prints| prints.first()).map(|print| print.ms).min().unwrap();
    let last = prints.values().filter_map(|prints| prints.last()).map(|print| print.ms).max().unwrap();
    let time = |ms: i64| market_backbone::Timestamp::from_millis(ms).to_string();
    let (from, to) = (time(first - first % MINUTE - 5 * MINUTE), time(last - last % MINUTE + 5 * MINUTE));

    let mut by_size: Vec<_> = prints.into_iter().collect();
    by_size.sort_by_key(|(market, prints)| (prints.len(), market.clone()));
    let thick = by_size.split_off(by_size.len() - each);
    by_size.truncate(each);
    assert_eq!((thick.len(), by_size.len()), (each, each));
    let mut holes = 0;
    for (market, prints) in thick.into_iter().chain(by_size) {
        let args = ["candles", &market, "1m", "--from", &from, "--to", &to, "--format", "csv"];
        let want = fold(prints);
        holes += want.windows(2).filter(|pair| pair[1].timestamp - pair[0].timestamp > MINUTE).count();
        assert_same(&venue.run(data.path(), &args).rows(), &want);
    }
    assert!(holes > 0, "thin markets have holes, or this proves little");
    venue.stop();
}

fn read(file: &Path) -> BTreeMap<String, Vec<Print>> {
    let bytes = std::fs::read(file).unwrap();
    let mut text = String::new();
    if file.extension().is_some_and(|extension| extension == "gz") {
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    let mut prints: BTreeMap<String, Vec<Print>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let fields: Vec<_> = line.split(',').collect();
        let [ms, market, price, size] = fields[..] else { panic!("{line}") };
        let (ms, price, size) = (ms.parse().unwrap(), price.parse().unwrap(), size.parse().unwrap());
        prints.entry(market.to_owned()).or_default().push(Print { ms, price, size });
    }
    prints
}
