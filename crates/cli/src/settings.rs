//! What a run shall be, from flags, environment and file, in that order of weight.

mod keeping;

use std::path::{Path, PathBuf};

use anyhow::Context;
use market_backbone::{Backbone, Builder, PostgresConfig, Storage, StoreConfig};
use serde::Deserialize;

use self::keeping::Store;
use crate::args::Global;
use crate::exit::Usage;
use crate::secret::Secret;

/// The settings file. A key it does not know is refused: a misspelt setting that is silently ignored costs more.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    data_dir: Option<PathBuf>,
    upbit: Addresses,
    store: Store,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Addresses {
    rest_url: Option<String>,
    ws_url: Option<String>,
}

/// Where the data folder is and how it is kept.
pub(crate) fn store(global: &Global) -> anyhow::Result<StoreConfig> {
    Ok(folder(global, &file(global)?))
}

fn file(global: &Global) -> anyhow::Result<File> {
    Ok(global.config.as_deref().map(read).transpose()?.unwrap_or_default())
}

fn folder(global: &Global, file: &File) -> StoreConfig {
    let folder = global.data_dir.clone().or_else(|| file.data_dir.clone());
    file.store.config(folder.unwrap_or_else(|| "market-data".into()))
}

/// The data folder, and the database behind it where one is named.
fn storage(global: &Global, file: &File) -> anyhow::Result<Storage> {
    let near = folder(global, file);
    Ok(match database(global, file)? {
        Some(database) => Storage::Shared { database, near: Some(near) },
        None => Storage::Folder(near),
    })
}

/// The database that machines share, where one is named.
pub(crate) fn shared(global: &Global) -> anyhow::Result<Option<PostgresConfig>> {
    database(global, &file(global)?)
}

fn database(global: &Global, file: &File) -> anyhow::Result<Option<PostgresConfig>> {
    let url = global.shared.as_ref().or(file.store.url.as_ref()).map(Secret::reveal);
    let Some(url) = url.filter(|url| !url.is_empty()) else { return Ok(None) };
    Ok(Some(PostgresConfig::parse(url).map_err(|error| Usage(format!("--store: {error}")))?))
}

/// Begins a backbone as the settings say.
pub(crate) fn builder(global: &Global) -> anyhow::Result<Builder> {
    let file = file(global)?;
    let builder = Backbone::builder().storage(storage(global, &file)?);
    let rest = global.rest_url.clone().or(file.upbit.rest_url);
    let socket = global.ws_url.clone().or(file.upbit.ws_url);
    Ok(match (rest, socket) {
        (None, None) => builder,
        (Some(rest), Some(socket)) => builder.upbit_at(&rest, &socket),
        (Some(rest), None) => {
            let socket = beside(&rest)?;
            builder.upbit_at(&rest, &socket)
        }
        (None, Some(_)) => {
            return Err(Usage("--ws-url without --rest-url: name both, or only --rest-url".to_owned()).into());
        }
    })
}

/// The socket of a look-alike that serves both on one port.
fn beside(rest: &str) -> anyhow::Result<String> {
    let unreadable = || Usage(format!("`{rest}` is no address; write it like http://127.0.0.1:9001"));
    let (scheme, host) = rest.split_once("://").ok_or_else(unreadable)?;
    let scheme = match scheme {
        "http" => "ws",
        "https" => "wss",
        _ => return Err(unreadable().into()),
    };
    let host = host.split('/').next().unwrap_or(host);
    Ok(format!("{scheme}://{host}/websocket/v1"))
}

fn read(path: &Path) -> anyhow::Result<File> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read settings from {}", path.display()))?;
    parse(&text).map_err(|error| Usage(format!("{}: {error}", path.display())).into())
}

/// The parser's complaint in one line: where, what, and what there is instead.
fn parse(text: &str) -> Result<File, String> {
    toml::from_str(text).map_err(|error| {
        let line =
            error.span().map(|span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
        let message = error.message().replace('\n', " ");
        line.map_or_else(|| message.clone(), |line| format!("line {line}: {message}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_is_refused_with_what_there_is() {
        let error = parse("[upbit]\nrest_ulr = \"x\"").unwrap_err();
        assert!(error.contains("rest_ulr") && error.contains("rest_url"), "{error}");
    }

    #[test]
    fn an_address_with_a_password_is_never_repeated() {
        let shared = Some(Secret::from("postgres://bob:s3cret@host:port/market"));
        let global = Global { shared, ..Global::default() };
        let error = storage(&global, &File::default()).unwrap_err();
        assert!(!format!("{global:?} {error:?}").contains("s3cret"), "{error:?}");
        let file = parse("[store]\nurl = \"postgres://bob:s3cret@host/market\"").unwrap();
        let storage = storage(&Global::default(), &file).unwrap();
        assert!(matches!(storage, Storage::Shared { near: Some(_), .. }), "{storage:?}");
        assert!(!format!("{file:?} {storage:?}").contains("s3cret"));
    }

    #[test]
    fn a_look_alikes_socket_is_beside_its_rest() {
        assert_eq!(beside("http://127.0.0.1:9001").unwrap(), "ws://127.0.0.1:9001/websocket/v1");
        assert_eq!(beside("https://sg-api.upbit.com/").unwrap(), "wss://sg-api.upbit.com/websocket/v1");
        assert!(beside("127.0.0.1:9001").is_err());
    }
}
