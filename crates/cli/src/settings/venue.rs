//! The venue that a run talks to: what flags, the environment and the file say of it, in that order of weight.

use market_backbone::{VenueConfig, VenueId, VenueKey, known_venues};

use super::addresses::Addresses;
use super::connections::connections;
use super::environment::variable;
use super::file::SettingsFile;
use crate::args::GlobalArgs;
use crate::exit::UsageError;

/// Where the venue is, as far as anybody said.
pub(super) fn addresses(global: &GlobalArgs, file: &SettingsFile) -> Result<Addresses, UsageError> {
    let (flags, venue) = (Addresses::of_flags(global)?, global.venue);
    Ok(flags.or(Addresses::of_environment(venue)?).or(file.section(venue.id()).addresses))
}

/// The venue at these addresses, with its key and its settings.
pub(super) fn config(
    global: &GlobalArgs,
    file: &SettingsFile,
    addresses: Addresses,
) -> Result<VenueConfig, UsageError> {
    let (venue, section) = (global.venue.descriptor(), file.section(global.venue.id()));
    let required = venue.required_key();
    let key =
        required.map(|key| variable(key.variable).ok_or_else(|| missing_key(venue.id(), key))).transpose()?;
    let mut config = addresses.into_config(venue)?;
    if let Some(key) = key {
        config = config.key(key);
    }
    for setting in venue.all_settings() {
        let flag = global.venue_flags.settings().find(|(given, _)| given.name == setting.name);
        let filed = section.options.iter().find(|(name, _)| *name == setting.name);
        let value = match flag {
            Some((_, value)) => Some(value.to_owned()),
            None => of_environment(&venue.variable(setting.name), setting.check)?
                .or_else(|| filed.map(|(_, value)| value.clone())),
        };
        if let Some(value) = value {
            config = config.set(setting.name, value);
        }
    }
    if !venue.has_named_connections() {
        return Ok(config);
    }
    Ok(match connections(&section.connections, variable).map_err(UsageError)? {
        None => config,
        Some(plan) => plan
            .pinned
            .into_iter()
            .fold(config.connections(plan.max), |config, (name, markets)| config.pin(name, markets)),
    })
}

fn missing_key(venue: VenueId, key: VenueKey) -> UsageError {
    let VenueKey { variable, obtained_at, for_emulator } = key;
    UsageError(format!(
        "{venue} requires a key: put yours, from {obtained_at}, into the environment as {variable} (for the \
         emulator: {for_emulator})"
    ))
}

fn of_environment(name: &str, check: fn(&str) -> Result<(), String>) -> Result<Option<String>, UsageError> {
    let Some(value) = variable(name) else { return Ok(None) };
    check(&value).map_err(|error| UsageError(format!("{name}: {error}")))?;
    Ok(Some(value))
}

/// Refuses flags that the venue does not take.
pub(super) fn check_flags(global: &GlobalArgs) -> Result<(), UsageError> {
    let venue = global.venue.descriptor();
    let alone = |flag: &str, has: &dyn Fn(VenueId) -> bool| {
        let venues = known_venues().iter().map(|venue| venue.id());
        let names: Vec<_> = venues.filter(|id| has(*id)).map(VenueId::as_str).collect();
        UsageError(format!("--{flag} applies to {} only", names.join(" and ")))
    };
    let known = |id| known_venues().find(id).ok();
    if global.venue_flags.region().is_some() && venue.all_regions().len() < 2 {
        return Err(alone("region", &|id| known(id).is_some_and(|venue| venue.all_regions().len() > 1)));
    }
    for (setting, value) in global.venue_flags.settings() {
        let flag = setting.flag.unwrap_or(setting.name);
        let Some(own) = venue.setting(setting.name) else {
            return Err(alone(flag, &|id| {
                known(id).is_some_and(|venue| venue.setting(setting.name).is_some())
            }));
        };
        (own.check)(value).map_err(|error| UsageError(format!("--{flag}: {error}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn without_a_key_it_is_said_where_to_get_one_and_where_to_put_it() {
        for venue in known_venues().iter() {
            let Some(key) = venue.required_key() else { continue };
            let UsageError(message) = missing_key(venue.id(), key);
            for part in [venue.id().as_str(), key.variable, key.obtained_at, key.for_emulator] {
                assert!(message.contains(part), "{message}");
            }
        }
    }

    #[test]
    fn a_flag_of_another_venue_is_refused_with_whose_it_is() {
        let refusal = |line: &str| {
            let args = crate::args::CliArgs::try_parse_from(line.split_whitespace()).unwrap();
            check_flags(&args.global).map_err(|UsageError(message)| message)
        };
        assert_eq!(refusal("x markets --plan basic"), Err("--plan applies to massive only".to_owned()));
        assert_eq!(
            refusal("x markets --venue massive --region sg"),
            Err("--region applies to upbit only".to_owned())
        );
        assert_eq!(refusal("x markets --venue massive --plan basic"), Ok(()));
        assert_eq!(refusal("x markets --region sg"), Ok(()));
    }
}
