//! The rules that make this package a proof: short programs, and nothing but the facade.

const PROGRAMS: [(&str, &str); 4] = [
    ("backtest", include_str!("../../src/backtest.rs")),
    ("bot", include_str!("../../src/bot.rs")),
    ("chart", include_str!("../../src/chart.rs")),
    ("screener", include_str!("../../src/screener.rs")),
];
const PARTS: [(&str, &str); 3] = [
    ("journal_store", include_str!("../../src/journal_store.rs")),
    ("toy_descriptor", include_str!("../../src/toy_descriptor.rs")),
    ("toy_venue", include_str!("../../src/toy_venue.rs")),
];

#[test]
fn each_program_is_under_forty_lines() {
    for (name, text) in PROGRAMS {
        let lines = text.lines().count();
        assert!(lines < 40, "{name} has {lines} lines: what makes it long is missing in the facade");
    }
}

#[test]
fn nothing_takes_a_shortcut() {
    for (name, text) in PROGRAMS.iter().chain(&PARTS) {
        for shortcut in ["unwrap()", "expect(", "panic!", "market_backbone_", "unsafe"] {
            assert!(!text.contains(shortcut), "{name} uses {shortcut}");
        }
    }
}
