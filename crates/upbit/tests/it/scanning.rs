//! The fast reader and the thorough one return the same.

use crate::read;

/// Returns the same message with a blank in it, which only the thorough reader accepts.
fn slowly(frame: &str) -> String {
    frame.replacen('{', "{ ", 1)
}

#[test]
fn both_readers_agree_on_what_is_odd() {
    let frame = |price: &str, id: &str, rest: &str| {
        format!(
            r#"{{"ty":"trade","cd":"KRW-BTC","tms":1,"ttms":2,"tp":{price},"tv":1.5,"ab":"BID","sid":{id}{rest}}}"#
        )
    };
    let mut odd: Vec<String> =
        ["1", "1.0", "1E5", "1e-05", "-1", "0", "-0.0", "null", "true", "\"1\"", "[1]", "1e999"]
            .into_iter()
            .chain(["inf", "nan", "-inf", "-", "1 ", "", "+1", "306095.1228293561797048"])
            .map(|price| frame(price, "7", ""))
            .collect();
    odd.extend(
        ["1.0", "9223372036854775807", "9223372036854775808", "null", "\"7\""].map(|id| frame("1", id, "")),
    );
    odd.extend(
        [",", ",\"x\"", ",\"x\":", ",\"x\":{}", ",\"x\":[{\"y\":\"}\"}]", ",\"x\":\"}\\\"\"", ",\"x\":null"]
            .map(|rest| frame("1", "7", rest)),
    );
    odd.push(frame("1", "7", "") + "x");
    odd.push(frame("1", "7", "") + " ");
    agree(odd);
}

#[test]
fn both_readers_agree_on_odd_books() {
    let frame = |units: &str| {
        format!(
            r#"{{"ty":"orderbook","cd":"KRW-BTC","tms":1,"tas":2.5,"tbs":null,"obu":{units},"st":"REALTIME"}}"#
        )
    };
    let unit = r#"{"ap":2,"bp":1.5,"as":1E-4,"bs":3}"#;
    agree(
        ["[]", "null", "[null]", "[[]]", "[{}]", "{}", "7", "[", "[{\"ap\":2}]", "[{\"ap\":null,\"x\":[1]}]"]
            .map(str::to_owned)
            .into_iter()
            .chain([
                format!("[{unit}]"),
                format!("[{unit},{unit}]"),
                format!("[{unit},]"),
                format!("[{unit}{unit}]"),
            ])
            .chain([
                format!("[{unit}"),
                format!("[{unit}]]"),
                unit.replace("1.5", "\"1.5\""),
                unit.replace("bs", "b"),
            ])
            .map(|units| frame(&units))
            .collect(),
    );
    let (events, _) = read(&frame(&format!("[{unit}]"))).unwrap();
    assert_eq!(events.len(), 1);
}

fn agree(frames: Vec<String>) {
    for frame in frames {
        let (fast, slow) = (read(&frame), read(&slowly(&frame)));
        assert_eq!(fast.is_ok(), slow.is_ok(), "{frame}");
        if fast.is_ok() {
            assert_eq!(fast, slow, "{frame}");
        }
    }
}
