//! The groups in which `--help` lists options.

/// Which data is asked for, and how urgently.
pub(crate) const WHAT: &str = "What";
/// The form and the place of what is written.
pub(crate) const OUTPUT: &str = "Output";
/// Which venue is asked, and at which address.
pub(crate) const SOURCE: &str = "Source";
/// Where data and notes are kept.
pub(crate) const STORAGE: &str = "Storage";
/// The log, the settings file and help.
pub(crate) const GENERAL: &str = "Logging and help";
