//! Setters and getters for structs of settings.

/// Defines a setter and a getter for each named field of a struct of settings.
///
/// Such a struct has private fields and is made by its constructor and its setters, so that a setting can be added or
/// stored in another way without breaking a program. The setter has the name of the setting and takes over its docs;
/// `#[getter(…)]` names the getter, as in `std::process::Command`. A getter returns a copy, or the reference that stands
/// behind the arrow. A field without `#[getter]` has one that is written by hand.
///
/// ```text
/// setters!(HttpConfig {
///     /// The longest that one attempt may take.
///     #[getter(get_timeout)]
///     timeout: Duration,
///     /// The value of the `User-Agent` header.
///     #[getter(get_user_agent -> &str)]
///     user_agent: String,
/// });
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! setters {
    ($settings:ident {
        $($(#[doc = $doc:literal])+ $(#[getter($getter:ident $(-> $view:ty)?)])? $field:ident: $kind:ty),+ $(,)?
    }) => {
        impl $settings {
            $(
                #[doc = concat!("Returns these settings with another `", stringify!($field), "`.\n")]
                $(#[doc = $doc])+
                #[must_use]
                pub fn $field(mut self, $field: $kind) -> Self {
                    self.$field = $field;
                    self
                }

                $($crate::setters!(@getter $field: $kind, $getter $(-> $view)?);)?
            )+
        }
    };
    (@getter $field:ident: $kind:ty, $getter:ident) => {
        #[doc = concat!("Returns the [`", stringify!($field), "`](Self::", stringify!($field), ") of these settings.")]
        #[must_use]
        pub const fn $getter(&self) -> $kind {
            self.$field
        }
    };
    (@getter $field:ident: $kind:ty, $getter:ident -> $view:ty) => {
        #[doc = concat!("Returns the [`", stringify!($field), "`](Self::", stringify!($field), ") of these settings.")]
        #[must_use]
        pub fn $getter(&self) -> $view {
            &self.$field
        }
    };
}
