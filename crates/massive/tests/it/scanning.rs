//! The fast reader and the thorough one return the same.

use crate::read;

/// Returns the same event with a blank in it, which only the thorough reader accepts.
fn slowly(frame: &str) -> String {
    frame.replacen('{', "{ ", 1)
}

fn agree(events: impl IntoIterator<Item = String>) {
    for event in events {
        for frame in [format!("[{event}]"), event] {
            let (fast, slow) = (read(&frame), read(&slowly(&frame)));
            assert_eq!(fast.is_ok(), slow.is_ok(), "{frame}");
            if fast.is_ok() {
                assert_eq!(fast, slow, "{frame}");
            }
        }
    }
}

const NUMBERS: [&str; 20] = [
    "1",
    "1.0",
    "1E5",
    "1e-05",
    "-1",
    "0",
    "-0.0",
    "true",
    "\"1\"",
    "[1]",
    "1e999",
    "inf",
    "nan",
    "-",
    "1 ",
    "",
    "+1",
    "306095.1228293561797048",
    "5.617399e+07",
    "7.0661926525697e+07",
];

#[test]
fn both_readers_agree_on_odd_trades() {
    let trade = |price: &str, sequence: &str, rest: &str| {
        format!(
            r#"{{"ev":"T","sym":"MSFT","x":4,"i":"12","z":3,"p":{price},"s":100,"c":[0,12],"t":1536036818784,"q":{sequence}{rest}}}"#
        )
    };
    agree(NUMBERS.map(|price| trade(price, "7", "")));
    let integers =
        ["1.0", "9223372036854775807", "9223372036854775808", "-5", "1e3", "\"7\"", "12345678901234567890"];
    agree(integers.map(|sequence| trade("1", sequence, "")));
    let rests = [
        ",",
        ",\"x\"",
        ",\"x\":",
        ",\"y\":{}",
        ",\"y\":[{\"z\":\"}\"}]",
        ",\"y\":[\"a\",\"]\"]",
        ",\"y\":[[1],2]",
    ];
    agree(rests.map(|rest| trade("1", "7", rest)));
    agree(
        [",\"y\":\"}\\\"\"", ",\"y\":null", ",\"y\":[]", ",\"ds\":\"x\"", ",\"ds\":\"1e400\""]
            .map(|rest| trade("1", "7", rest)),
    );
    agree([trade("1", "7", "") + "x", trade("1", "7", "") + " "]);
}

#[test]
fn both_readers_agree_on_odd_bars_and_quotes() {
    let bar = |volume: &str| {
        format!(
            r#"{{"ev":"AM","sym":"AAPL","v":{volume},"vw":0.45,"o":0.44,"c":0.45,"h":0.46,"l":0.43,"z":6.5,"s":1610144640000,"e":1610144700000}}"#
        )
    };
    agree(NUMBERS.map(bar));
    let quote = |price: &str| {
        format!(
            r#"{{"ev":"Q","sym":"AAPL","bx":4,"bp":{price},"bs":1,"ax":7,"ap":2,"as":160,"c":0,"i":[604],"t":1536036818784,"q":5,"z":3}}"#
        )
    };
    agree(NUMBERS.map(quote));
}
