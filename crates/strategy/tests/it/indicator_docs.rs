//! The table of indicators in the docs is the catalogue.

use std::collections::BTreeSet;
use std::fmt::Write;

use market_backbone_strategy::indicator::{IndicatorSpec, Memory, catalogue};

const DOCS: &str = include_str!("../../../../docs/indicators.md");

fn line(name: &str, title: &str) -> String {
    let spec = IndicatorSpec::named(name, &[]).unwrap();
    let parameters: Vec<String> = spec.parameter_list().into_iter().map(|parameter| parameter.name).collect();
    let outputs = match spec.outputs() {
        ["value"] => String::new(),
        outputs => outputs.join(", "),
    };
    let settle = match (name, spec.memory(), spec.settle()) {
        ("vwap", ..) => "a day".to_owned(),
        (_, Memory::Lasting, _) => "never".to_owned(),
        (_, _, settle) => settle.unwrap().to_string(),
    };
    let warm_up = spec.warm_up();
    format!("| `{spec}` | {title} | {} | {outputs} | {warm_up} | {settle} |", parameters.join(", "))
}

#[test]
fn the_table_of_indicators_is_the_catalogue() {
    let lines: Vec<String> = catalogue().map(|info| line(info.name, info.title)).collect();
    let expected: BTreeSet<&str> = lines.iter().map(String::as_str).collect();
    let found: BTreeSet<&str> = DOCS.lines().filter(|line| expected.contains(line)).collect();
    let missing = expected.difference(&found).fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").unwrap();
        text
    });
    assert!(missing.is_empty(), "docs/indicators.md lacks:\n{missing}");
}
