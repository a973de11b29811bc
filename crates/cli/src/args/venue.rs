//! The venue that is named on the command line, and the flags that only some venues take: all of it as their descriptors
//! say.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::Error as ClapError;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use market_backbone::{
    UndescribedVenue, VenueDescriptor, VenueId, VenueSetting, default_venue, known_venues,
};

use super::heading;

/// A venue of this build.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VenueArg(&'static VenueDescriptor);

impl VenueArg {
    /// Reads the name of a venue.
    pub(super) fn parser() -> impl TypedValueParser<Value = Self> {
        let names = known_venues().iter();
        let values = names.map(|venue| PossibleValue::new(venue.id().as_str()).help(venue.about()));
        PossibleValuesParser::new(values).map(|name: String| {
            let named = known_venues().iter().find(|venue| venue.id().as_str() == name);
            Self(named.unwrap_or_else(default_venue))
        })
    }

    /// The help text of `--venue`: with the variables that hold keys.
    pub(super) fn help() -> String {
        let keys =
            known_venues().iter().filter_map(|venue| Some((venue.id(), venue.required_key()?.variable)));
        keys.fold("The venue".to_owned(), |text, (id, variable)| {
            format!("{text}; {id} needs a key in `{variable}`")
        })
    }

    /// The venue that a source belongs to.
    pub(crate) fn of(venue: VenueId) -> Result<Self, UndescribedVenue> {
        known_venues().find(venue).map(Self)
    }

    /// The venue's own name.
    pub(crate) const fn id(self) -> VenueId {
        self.0.id()
    }

    /// What is known of it.
    pub(crate) const fn descriptor(self) -> &'static VenueDescriptor {
        self.0
    }
}

impl Default for VenueArg {
    fn default() -> Self {
        Self(default_venue())
    }
}

impl PartialEq for VenueArg {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl std::fmt::Display for VenueArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.id().fmt(f)
    }
}

/// The variables that say `what` about each venue, for help texts.
pub(super) fn variables(what: &str) -> String {
    let names: Vec<_> = known_venues().iter().map(|venue| format!("`{}`", venue.variable(what))).collect();
    names.join(", ")
}

const REGION: &str = "region";

/// What was said by flags that only some venues take.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct VenueFlags {
    region: Option<String>,
    settings: Vec<(&'static VenueSetting, String)>,
}

impl VenueFlags {
    /// Only the region, where there is one.
    pub(crate) fn of_region(region: Option<&str>) -> Self {
        Self { region: region.map(str::to_owned), settings: Vec::new() }
    }

    /// Which of the venue's regions.
    pub(crate) fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The settings that were given, each with its value.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&'static VenueSetting, &str)> {
        self.settings.iter().map(|(setting, value)| (*setting, value.as_str()))
    }
}

/// The venues that have several regions.
fn venues_with_regions() -> impl Iterator<Item = &'static VenueDescriptor> {
    known_venues().iter().filter(|venue| venue.all_regions().len() > 1)
}

/// The settings that have a flag, each with the venues that take it.
fn flag_settings() -> Vec<(&'static str, Vec<(VenueId, &'static VenueSetting)>)> {
    let mut flags: Vec<(&'static str, Vec<_>)> = Vec::new();
    for venue in known_venues().iter() {
        for (setting, flag) in
            venue.all_settings().iter().filter_map(|setting| Some((setting, setting.flag?)))
        {
            match flags.iter_mut().find(|(known, _)| *known == flag) {
                Some((_, venues)) => venues.push((venue.id(), setting)),
                None => flags.push((flag, vec![(venue.id(), setting)])),
            }
        }
    }
    flags
}

/// The flags of settings that only some venues take.
pub(super) fn setting_flags() -> Vec<&'static str> {
    flag_settings().into_iter().map(|(flag, _)| flag).collect()
}

fn region_help() -> String {
    let regions = venues_with_regions().map(|venue| {
        let names: Vec<_> = venue.all_regions().iter().map(|region| region.name).collect();
        let variable = venue.variable(REGION);
        let default = names.first().copied().unwrap_or_default();
        format!("{} has {} [default: {default}; env: `{variable}`]", venue.id(), names.join(", "))
    });
    let regions: Vec<_> = regions.collect();
    format!("The venue's region, each an exchange of its own: {}", regions.join("; "))
}

/// Takes what any venue takes: which venue is meant is not known yet.
fn checked(text: &str, outcomes: impl Iterator<Item = Result<(), String>>) -> Result<String, String> {
    let mut refusal = Err(format!("no venue takes `{}`", text.chars().take(40).collect::<String>()));
    for outcome in outcomes {
        match outcome {
            Ok(()) => return Ok(text.to_owned()),
            Err(error) => refusal = Err(error),
        }
    }
    refusal
}

fn flags() -> Vec<Arg> {
    let region = Arg::new(REGION)
        .long(REGION)
        .help_heading(heading::SOURCE)
        .value_name("REGION")
        .help(region_help())
        .value_parser(|text: &str| {
            checked(text, venues_with_regions().map(|venue| venue.region(text).map(drop)))
        });
    let mut args = vec![region.global(true)];
    for (flag, venues) in flag_settings() {
        let Some((_, first)) = venues.first() else { continue };
        let names: Vec<_> = venues.iter().map(|(id, _)| id.as_str()).collect();
        let help = format!("{}; for {} only [env: {}]", first.help, names.join(" and "), env_names(&venues));
        let settings: Vec<_> = venues.iter().map(|(_, setting)| *setting).collect();
        let parser = move |text: &str| checked(text, settings.iter().map(|setting| (setting.check)(text)));
        args.push(
            Arg::new(flag)
                .long(flag)
                .help_heading(heading::SOURCE)
                .value_name(first.value_name)
                .help(help)
                .value_parser(parser)
                .global(true),
        );
    }
    args
}

fn env_names(venues: &[(VenueId, &'static VenueSetting)]) -> String {
    let names = venues.iter().filter_map(|(id, setting)| {
        known_venues().find(*id).ok().map(|venue| format!("`{}`", venue.variable(setting.name)))
    });
    names.collect::<Vec<_>>().join(", ")
}

impl Args for VenueFlags {
    fn augment_args(command: Command) -> Command {
        command.args(flags())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for VenueFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, ClapError> {
        let value = |id: &str| matches.try_get_one::<String>(id).ok().flatten().cloned();
        let given = flag_settings().into_iter().filter_map(|(flag, venues)| {
            let value = value(flag)?;
            venues.first().map(|(_, setting)| (*setting, value))
        });
        Ok(Self { region: value(REGION), settings: given.collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), ClapError> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct FlagsCli {
        #[arg(long, value_parser = VenueArg::parser(), default_value_t)]
        venue: VenueArg,
        #[command(flatten)]
        flags: VenueFlags,
    }

    fn read(line: &str) -> Result<FlagsCli, String> {
        FlagsCli::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string())
    }

    #[test]
    fn venues_and_their_flags_are_those_of_the_descriptors() {
        for venue in known_venues().iter() {
            assert_eq!(read(&format!("x --venue {}", venue.id())).unwrap().venue.id(), venue.id());
        }
        let none = read("x").unwrap();
        assert_eq!((none.venue.id(), none.flags), (default_venue().id(), VenueFlags::default()));
        let flags = read("x --region sg --plan starter").unwrap().flags;
        assert_eq!(flags.region(), Some("sg"));
        let given: Vec<_> = flags.settings().map(|(setting, value)| (setting.name, value)).collect();
        assert_eq!(given, [("plan", "starter")]);
    }

    #[test]
    fn what_no_venue_knows_is_refused_with_what_there_is() {
        let venue = read("x --venue nobody").unwrap_err();
        assert!(known_venues().iter().all(|known| venue.contains(known.id().as_str())), "{venue}");
        let region = read("x --region us").unwrap_err();
        assert!(region.contains("kr, sg, id and th"), "{region}");
        let plan = read("x --plan gold").unwrap_err();
        assert!(plan.contains("starter"), "{plan}");
    }
}
