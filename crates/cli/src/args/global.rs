//! What every command that asks a venue or keeps data takes.

use std::path::PathBuf;

use clap::{ArgAction, Args as Group};
use market_backbone::VenueId;

use super::heading;
use super::venue::{self, VenueArg, VenueFlags};
use crate::secret_arg::SecretArg;

/// Settings that every command takes. A flag beats the environment, which beats the file.
#[derive(Clone, Debug, Default, Group)]
pub(crate) struct GlobalArgs {
    #[arg(
        long,
        help_heading = heading::SOURCE,
        global = true,
        help = VenueArg::help(),
        value_parser = VenueArg::parser(),
        default_value_t
    )]
    pub(crate) venue: VenueArg,
    #[arg(
        long,
        help_heading = heading::SOURCE,
        global = true,
        value_name = "URL",
        help = "The address of the venue's REST API",
        long_help = format!("The address of the venue's REST API\n\nEnvironment: {}.", venue::variables("rest_url"))
    )]
    pub(crate) rest_url: Option<SecretArg>,
    #[arg(
        long,
        help_heading = heading::SOURCE,
        global = true,
        value_name = "URL",
        help = "The address of its socket [default: derived from --rest-url, where that is given]",
        long_help = format!(
            "The address of its socket [default: derived from --rest-url, where that is given]\n\nEnvironment: {}.",
            venue::variables("ws_url")
        )
    )]
    pub(crate) ws_url: Option<SecretArg>,
    #[command(flatten)]
    pub(crate) venue_flags: VenueFlags,
    /// The source whose data a proxy at --rest-url serves: a venue, or one of its regions
    ///
    /// Without this option, another address is a source of its own, like VENUE@127.0.0.1:9001, and its candles are kept
    /// apart. A name like VENUE@seed-7 keeps emulators apart that run at one address, one after the other. Environment:
    /// as --rest-url, with `SAME_AS`.
    #[arg(long, help_heading = heading::SOURCE, global = true, value_name = "SOURCE")]
    pub(crate) same_as: Option<VenueId>,
    /// The folder in which candles are kept [default: ~/.local/share/market-backbone]
    ///
    /// `XDG_DATA_HOME` moves the default. A folder ./market-data of an older version is used as before, where there is one.
    #[arg(long, help_heading = heading::STORAGE, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The folder through which programs share the venue's rate limit [default: ~/.local/state/market-backbone/limits]
    ///
    /// Each request is noted there before it is sent. At another address than the venue's own, the default lies in the data
    /// folder.
    #[arg(long, help_heading = heading::STORAGE, global = true, value_name = "DIR", env = "MARKET_BACKBONE_LIMITS_DIR", hide_env = true)]
    pub(crate) limits_dir: Option<PathBuf>,
    /// A database that several machines share, behind the data folder: postgres://user@host/database
    ///
    /// Put the password into `PGPASSWORD` or ~/.pgpass.
    #[arg(
        long = "store",
        help_heading = heading::STORAGE,
        global = true,
        value_name = "URL",
        env = "MARKET_BACKBONE_STORE",
        hide_env_values = true
    )]
    pub(crate) shared: Option<SecretArg>,
    /// A TOML file of settings
    #[arg(long, help_heading = heading::GENERAL, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The log on stderr: off, error, warn, info, debug, trace, or MODULE=LEVEL,…
    #[arg(long, help_heading = heading::GENERAL, global = true, value_name = "LEVEL", default_value = "warn")]
    pub(crate) log: String,
    /// Print help; `-h` prints it in short
    #[arg(long, short, global = true, help_heading = heading::GENERAL, action = ArgAction::Help)]
    pub(crate) help: Option<bool>,
}
