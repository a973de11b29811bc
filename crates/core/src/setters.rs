//! Setters for structs of settings, one for each public field.

/// Defines a setter for each named field of a struct of settings: `RouterConfig::default().markets_ttl(a_minute)`.
///
/// Such a struct is `#[non_exhaustive]`, so that a setting can be added without breaking a program: outside of its crate it
/// is made by its constructor and its setters, and its fields are read.
#[doc(hidden)]
#[macro_export]
macro_rules! setters {
    ($settings:ident { $($field:ident: $kind:ty),+ $(,)? }) => {
        impl $settings {
            $(
                #[doc = concat!("Returns these settings with another [`", stringify!($field), "`](Self#structfield.", stringify!($field), ").")]
                #[must_use]
                pub fn $field(mut self, $field: $kind) -> Self {
                    self.$field = $field;
                    self
                }
            )+
        }
    };
}
