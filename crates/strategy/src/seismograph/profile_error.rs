//! The error for rules that cannot be used.

/// An error for a rule that lies outside its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("profile `{profile}`: {field} is {value}; it must be between {least} and {most}")]
pub struct ProfileError {
    /// The name of the refused profile.
    pub profile: String,
    /// The rule that is wrong.
    pub field: &'static str,
    /// The refused value.
    pub value: f64,
    /// The least allowed value.
    pub least: f64,
    /// The greatest allowed value.
    pub most: f64,
}

impl ProfileError {
    /// Checks that each field, given as name, value, least and greatest value, lies in its range.
    pub(crate) fn check(profile: &str, fields: &[(&'static str, f64, f64, f64)]) -> Result<(), Self> {
        for &(field, value, least, most) in fields {
            if !(least <= value && value <= most) {
                return Err(Self { profile: profile.to_owned(), field, value, least, most });
            }
        }
        Ok(())
    }
}
