//! `market-backbone diff`: where two decision logs part first, and what each knew there.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context;
use market_backbone::strategy::decision::{Divergence, first_divergence};
use serde_json::{Value, json};

use crate::args::{DiffArgs, RunFormat};
use crate::output::Output;

pub(super) fn run(args: &DiffArgs) -> anyhow::Result<()> {
    let open = |path: &Path| {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        anyhow::Ok(BufReader::new(file))
    };
    let names = || format!("cannot compare {} with {}", args.left.display(), args.right.display());
    let found = first_divergence(open(&args.left)?, open(&args.right)?).with_context(names)?;
    let mut output = Output::open(None)?;
    match args.format {
        RunFormat::Json => output.line(&as_json(found.as_ref()).to_string())?,
        RunFormat::Text => output.line(&as_text(found.as_ref(), args))?,
    }
    output.finish()?;
    match found {
        None => Ok(()),
        Some(found) => anyhow::bail!(
            "{} and {} differ from line {} on",
            args.left.display(),
            args.right.display(),
            found.line
        ),
    }
}

fn as_json(found: Option<&Divergence>) -> Value {
    let Some(found) = found else { return json!({ "equal": true }) };
    let fields = found.fields.iter();
    let fields: Vec<_> =
        fields.map(|field| json!({ "path": field.path, "left": field.left, "right": field.right })).collect();
    json!({
        "equal": false,
        "line": found.line,
        "left": found.left,
        "right": found.right,
        "fields": fields,
        "last_common": found.last_common,
    })
}

fn as_text(found: Option<&Divergence>, args: &DiffArgs) -> String {
    let Some(found) = found else { return "the logs are equal".to_owned() };
    let entry =
        |entry: &Option<Value>| entry.as_ref().map_or("(the log has ended)".to_owned(), Value::to_string);
    let mut text = format!("the logs differ from line {} on", found.line);
    if let Some(common) = &found.last_common {
        text += &format!("\nlast common entry: {common}");
    }
    text += &format!("\n{}: {}", args.left.display(), entry(&found.left));
    text += &format!("\n{}: {}", args.right.display(), entry(&found.right));
    for field in &found.fields {
        text += &format!("\n  {}: {} | {}", field.path, field.left, field.right);
    }
    text
}
