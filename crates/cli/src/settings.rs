//! The settings of a run, from flags, environment and file, in that order of precedence.

mod addresses;
mod connections;
mod data_folder;
mod environment;
mod massive;
mod store_settings;

use std::path::{Path, PathBuf};

use anyhow::Context;
use market_backbone::{
    Backbone, Builder, PostgresConfig, Storage, StoreConfig, UPBIT, UPBIT_HOMES, UpbitRegion, VenueId,
};
use serde::Deserialize;

use self::addresses::Addresses;
use self::environment::state_folder;
use self::massive::MassiveSettings;
use self::store_settings::StoreSettings;
use crate::args::{GlobalArgs, VenueArg};
use crate::exit::UsageError;
use crate::secret_arg::SecretArg;

/// The settings file. Unknown keys are refused: a misspelled setting that is silently ignored costs more.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SettingsFile {
    data_dir: Option<PathBuf>,
    limits_dir: Option<PathBuf>,
    upbit: Addresses,
    massive: MassiveSettings,
    store: StoreSettings,
}

/// Refuses flags that contradict each other, whatever the command.
pub(crate) fn check(global: &GlobalArgs) -> Result<(), UsageError> {
    Addresses::of_flags(global).check()
}

/// Returns the settings of the data folder.
pub(crate) fn store(global: &GlobalArgs) -> anyhow::Result<StoreConfig> {
    folder(global, &file(global)?)
}

fn file(global: &GlobalArgs) -> anyhow::Result<SettingsFile> {
    Ok(global.config.as_deref().map(read).transpose()?.unwrap_or_default())
}

fn folder(global: &GlobalArgs, file: &SettingsFile) -> anyhow::Result<StoreConfig> {
    let named = global.data_dir.as_ref().or(file.data_dir.as_ref());
    Ok(file.store.config(named.cloned().map_or_else(data_folder::default_folder, Ok)?))
}

/// Returns the data folder, and the database behind it if one is named.
fn storage(global: &GlobalArgs, file: &SettingsFile) -> anyhow::Result<Storage> {
    let near = folder(global, file)?;
    Ok(match database(global, file)? {
        Some(database) => Storage::Shared { database, local: Some(near) },
        None => Storage::Folder(near),
    })
}

/// Returns the shared database, if one is named.
pub(crate) fn shared(global: &GlobalArgs) -> anyhow::Result<Option<PostgresConfig>> {
    database(global, &file(global)?)
}

fn database(global: &GlobalArgs, file: &SettingsFile) -> anyhow::Result<Option<PostgresConfig>> {
    let url = global.shared.as_ref().or(file.store.url.as_ref()).map(SecretArg::reveal);
    let Some(url) = url.filter(|url| !url.is_empty()) else { return Ok(None) };
    Ok(Some(PostgresConfig::parse(url).map_err(|error| UsageError(format!("--store: {error}")))?))
}

/// Creates a builder of a backbone, as the settings say, on the venue they name.
pub(crate) fn builder(global: &GlobalArgs) -> anyhow::Result<Builder> {
    let file = file(global)?;
    let mut builder = Backbone::builder().storage(storage(global, &file)?);
    let addresses = addresses(global, &file)?;
    if let Some(folder) = limits_dir(global, &file, &addresses) {
        builder = builder.limits_dir(folder);
    }
    Ok(match global.venue {
        VenueArg::Massive => builder.massive_account(file.massive.account(addresses)?),
        VenueArg::Upbit => builder.upbit_endpoint(addresses.into_upbit_endpoint()?),
    })
}

/// Returns the source, if anything but the venue's name says which one.
pub(crate) fn source(global: &GlobalArgs) -> anyhow::Result<Option<VenueId>> {
    let file = file(global)?;
    let addresses = addresses(global, &file)?;
    if addresses == Addresses::default() {
        return Ok(None);
    }
    let source = match global.venue {
        VenueArg::Massive => addresses.into_massive_source()?,
        VenueArg::Upbit => addresses.into_upbit_endpoint()?.source(UPBIT, &UPBIT_HOMES)?,
    };
    Ok(Some(source))
}

/// The venue's addresses, as far as they are configured.
fn addresses(global: &GlobalArgs, file: &SettingsFile) -> Result<Addresses, UsageError> {
    let flags = Addresses::of_flags(global);
    if global.region.is_some() && global.venue != VenueArg::Upbit {
        return Err(UsageError("--region applies to upbit only".to_owned()));
    }
    let filed = match global.venue {
        VenueArg::Massive => file.massive.addresses(),
        VenueArg::Upbit => file.upbit.clone(),
    };
    Ok(flags.or(Addresses::of_environment(global.venue)?).or(filed))
}

/// The folder of the send log, if it is not in the data folder.
///
/// The venue's limit applies to this machine, whatever folder a program keeps its data in.
fn limits_dir(global: &GlobalArgs, file: &SettingsFile, addresses: &Addresses) -> Option<PathBuf> {
    let named = global.limits_dir.as_ref().or(file.limits_dir.as_ref());
    let is_venue = !addresses.has_address();
    named.cloned().or_else(|| is_venue.then(state_folder).flatten().map(|folder| folder.join("limits")))
}

/// Creates a builder for a source: at the given addresses, if they are of its venue and it is no region of
/// it. The backbone checks whether that is the source.
pub(crate) fn builder_at(global: &GlobalArgs, source: VenueId, venue: VenueArg) -> anyhow::Result<Builder> {
    let elsewhere =
        GlobalArgs { venue, rest_url: None, ws_url: None, region: None, same_as: None, ..global.clone() };
    match UpbitRegion::of(source) {
        _ if venue != global.venue => builder(&GlobalArgs { region: UpbitRegion::of(source), ..elsewhere }),
        Some(region) if self::source(global)? != Some(source) => {
            builder(&GlobalArgs { region: Some(region), ..elsewhere })
        }
        _ => builder(global),
    }
}

fn read(path: &Path) -> anyhow::Result<SettingsFile> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read settings from {}", path.display()))?;
    parse(&text).map_err(|error| UsageError(format!("{}: {error}", path.display())).into())
}

/// Parses the file; the error is one line: where, what, and what is allowed instead.
fn parse(text: &str) -> Result<SettingsFile, String> {
    toml::from_str(text).map_err(|error| {
        let line =
            error.span().map(|span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
        let message = redact_quoted(error.message()).replace('\n', " ");
        line.map_or_else(|| message.clone(), |line| format!("line {line}: {message}"))
    })
}

/// Returns an error about the type of a value without the value: it may be a key in the wrong place.
fn redact_quoted(message: &str) -> String {
    let Some((kind, rest)) = message.split_once(": string \"") else { return message.to_owned() };
    let expected = rest.rfind("\", expected ").map_or("", |end| &rest[end + 1..]);
    format!("{kind}: a text{expected}")
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
    fn a_key_in_the_wrong_place_is_not_repeated() {
        for text in
            ["massive = \"s3cret\"", "[massive]\nconnections = \"s3cret\", expected\"", "store = \"s3cret\""]
        {
            let error = parse(text).unwrap_err();
            assert!(error.contains("line ") && !error.contains("s3cret"), "{error}");
        }
        let error = parse("massive = \"s3cret\"").unwrap_err();
        assert!(error.contains("invalid type: a text, expected struct Massive"), "{error}");
    }

    #[test]
    fn an_address_with_a_password_is_never_repeated() {
        let address = Some(SecretArg::from("http://bob:s3cret@host/?token=s3cret"));
        let addresses = Addresses { rest_url: address.clone(), ws_url: address, ..Addresses::default() };
        assert!(!format!("{addresses:?}").contains("s3cret"));
        let shared = Some(SecretArg::from("postgres://bob:s3cret@host:port/market"));
        let data_dir = Some(PathBuf::from("market-data"));
        let global = GlobalArgs { shared, data_dir: data_dir.clone(), ..GlobalArgs::default() };
        let error = storage(&global, &SettingsFile::default()).unwrap_err();
        assert!(!format!("{global:?} {error:?}").contains("s3cret"), "{error:?}");
        let file = parse("[store]\nurl = \"postgres://bob:s3cret@host/market\"").unwrap();
        let storage = storage(&GlobalArgs { data_dir, ..GlobalArgs::default() }, &file).unwrap();
        assert!(matches!(storage, Storage::Shared { local: Some(_), .. }), "{storage:?}");
        assert!(!format!("{file:?} {storage:?}").contains("s3cret"));
    }
}
