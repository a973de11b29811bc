//! The definition of the command line: each command lists only the common options that it obeys, and ends with examples.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};

use super::{CliArgs, examples, venue};

const SOURCE: [&str; 5] = ["venue", "rest_url", "ws_url", "region", "same_as"];
const STORAGE: [&str; 3] = ["data_dir", "limits_dir", "shared"];

/// What a command makes of the common options that it does not obey.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unused {
    /// They are accepted, so that a script can give every command the same options.
    Ignored,
    /// They are refused: whoever gives them expects something else to happen.
    Refused,
}

/// The common options that the command at `path` does not obey.
fn unused(path: &[&str]) -> (Vec<&'static str>, Unused) {
    let source = [&SOURCE[..], &venue::setting_flags()].concat();
    let all = [&source[..], &STORAGE, &["config"]].concat();
    let without = |kept: &[&str]| all.iter().copied().filter(|id| !kept.contains(id)).collect::<Vec<_>>();
    match path {
        ["demo"] => (without(&["venue"]), Unused::Refused),
        ["emulate"] => (without(&["region"]), Unused::Refused),
        ["completions" | "man" | "replay" | "diff"] => (without(&[]), Unused::Refused),
        ["ticker" | "markets"] => (vec!["shared"], Unused::Ignored),
        ["daily"] => (vec!["region"], Unused::Ignored),
        ["universe", "add"] => (vec!["shared"], Unused::Ignored),
        ["universe", ..] => (without(&["data_dir", "config"]), Unused::Ignored),
        ["store", "check" | "forget" | "import"] => (vec!["limits_dir"], Unused::Ignored),
        ["store", ..] => ([&source[..], &["limits_dir"]].concat(), Unused::Ignored),
        _ => (Vec::new(), Unused::Ignored),
    }
}

/// The whole command line, as `--help`, the man page and the completions show it.
pub(crate) fn command() -> Command {
    let root = CliArgs::command();
    let common: Vec<_> = root.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    root.mut_subcommands(|command| with_details(command, &common, &[]))
}

fn with_details(command: Command, common: &[clap::Arg], above: &[&str]) -> Command {
    let name = command.get_name().to_owned();
    let path = [above, &[name.as_str()]].concat();
    let (unused, _) = unused(&path);
    // An option that is defined here is not taken over from above.
    let hidden = common.iter().filter(|arg| unused.contains(&arg.get_id().as_str()));
    let command = command.args(hidden.map(|arg| arg.clone().hide(true)));
    let command = match examples::of(&path) {
        Some(examples) => command.after_help(examples),
        None => command,
    };
    command.mut_subcommands(|inner| with_details(inner, common, &path))
}

/// Reads the command line; ends the process with help or a complaint where that is the answer.
pub(crate) fn parse() -> CliArgs {
    let mut command = command();
    let matches = command.get_matches_mut();
    let parsed = check_unused(&mut command, &matches)
        .and_then(|()| CliArgs::from_arg_matches(&matches).map_err(|error| error.format(&mut command)));
    parsed.unwrap_or_else(|error| error.exit())
}

fn check_unused(command: &mut Command, matches: &ArgMatches) -> Result<(), clap::Error> {
    let Some((name, inner)) = matches.subcommand() else { return Ok(()) };
    let (unused, treatment) = unused(&[name]);
    if treatment == Unused::Ignored {
        return Ok(());
    }
    let given = |id: &&str| inner.value_source(id) == Some(ValueSource::CommandLine);
    let Some(id) = unused.into_iter().find(given) else { return Ok(()) };
    let flag = if id == "shared" { "store".to_owned() } else { id.replace('_', "-") };
    let why = match name {
        "demo" => "it starts an emulator of its own and keeps nothing",
        "emulate" => "it is the venue, and keeps nothing",
        _ => "it neither asks a venue nor keeps data",
    };
    Err(command.error(ErrorKind::UnknownArgument, format!("`{name}` takes no --{flag}: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(words: &[&str]) -> String {
        let line = [&["market-backbone"], words, &["--help"]].concat();
        command().try_get_matches_from(line).unwrap_err().to_string()
    }

    #[test]
    fn the_definition_is_valid() {
        command().debug_assert();
    }

    #[test]
    fn a_command_lists_the_options_that_it_obeys() {
        let demo = help(&["demo"]);
        assert!(demo.contains("--venue") && demo.contains("--seed") && demo.contains("--log"), "{demo}");
        for word in ["--rest-url", "--store", "--data-dir", "--region"] {
            assert!(!demo.contains(word), "{word} in {demo}");
        }
        let emulate = help(&["emulate"]);
        assert!(emulate.contains("--region") && !emulate.contains("--venue"), "{emulate}");
        let candles = help(&["candles"]);
        for word in ["--rest-url", "--store", "--data-dir", "--count", "--region"] {
            assert!(candles.contains(word), "{word} in {candles}");
        }
        let stats = help(&["store", "stats"]);
        assert!(stats.contains("--data-dir") && !stats.contains("--rest-url"), "{stats}");
    }

    #[test]
    fn a_command_lists_its_own_options_before_the_common_ones() {
        let candles = help(&["candles"]);
        let places = ["What:", "Output:", "Source:", "Storage:", "Logging and help:", "Examples:"]
            .map(|heading| candles.find(&format!("\n{heading}\n")).expect(heading));
        assert!(places.is_sorted(), "{candles}");
        assert!(!candles.contains("\nOptions:"), "{candles}");
    }

    #[test]
    fn every_command_ends_with_examples() {
        fn check(command: &Command, above: &[&str]) {
            for inner in command.get_subcommands() {
                let path = [above, &[inner.get_name()]].concat();
                if inner.has_subcommands() {
                    check(inner, &path);
                } else {
                    let examples = examples::of(&path);
                    assert!(examples.is_some_and(|text| text.starts_with("Examples:\n")), "{path:?}");
                }
            }
        }
        check(&command(), &[]);
    }

    #[test]
    fn every_example_can_be_read() {
        fn lines(command: &Command, above: &[&str], found: &mut Vec<&str>) {
            for inner in command.get_subcommands() {
                let path = [above, &[inner.get_name()]].concat();
                let examples = examples::of(&path).unwrap_or_default();
                found.extend(examples.lines().filter(|line| line.starts_with("  market-backbone ")));
                lines(inner, &path, found);
            }
        }
        let mut found = Vec::new();
        lines(&command(), &[], &mut found);
        assert!(found.len() > 30, "{found:?}");
        for line in found {
            let words: Vec<String> = split(line);
            assert!(words.iter().all(|word| !word.is_empty()), "{line}");
            let read = command()
                .try_get_matches_from(&words)
                .and_then(|matches| CliArgs::from_arg_matches(&matches));
            assert!(read.is_ok(), "{line}: {}", read.unwrap_err());
        }
    }

    /// The words of a line's first command, as a shell reads them; quotes hold words together.
    fn split(line: &str) -> Vec<String> {
        let mut is_quoted = false;
        let end = line.find(|c: char| {
            is_quoted ^= c == '"';
            !is_quoted && matches!(c, '#' | '>' | '|')
        });
        let line = &line[..end.unwrap_or(line.len())];
        let pieces = line.split('"').enumerate();
        let words = pieces.flat_map(|(index, piece)| match index % 2 {
            1 => vec![piece.to_owned()],
            _ => piece.split_whitespace().map(str::to_owned).collect(),
        });
        words.collect()
    }

    #[test]
    fn an_option_that_would_do_nothing_is_refused() {
        for (line, flag) in [
            ("market-backbone demo --rest-url http://127.0.0.1:1", "--rest-url"),
            ("market-backbone emulate upbit --store postgres://u@h/d", "--store"),
            ("market-backbone --data-dir x demo", "--data-dir"),
        ] {
            let mut command = command();
            let matches = command.try_get_matches_from_mut(line.split(' ')).unwrap();
            let error = check_unused(&mut command, &matches).unwrap_err();
            assert!(error.to_string().contains(&format!("takes no {flag}")), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}
