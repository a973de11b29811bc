//! How values are spelt by `serde`, behind the feature of that name: the field names of the command line's JSON.
//!
//! Each type has a *form* beside it, a plain struct that says field by field what is written, so that a change of a type is
//! not a change of files that programs have written. Times are integers: nanoseconds since the Unix epoch, but for a candle's
//! `timestamp`, its open time, which is in milliseconds. A market is two fields, `venue` and `symbol`. Reading checks what
//! the constructors check.
//!
//! Events and gaps are written and not read back: they tell what one connection saw. The trades, tickers, books and candles
//! among them read back as what they are.

mod candle;
mod coverage;
mod event;
mod market;
mod names;

/// Writes a type through its form.
macro_rules! written_as {
    ($type:ty, $form:ident) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(&$form::from(self), serializer)
            }
        }
    };
}

/// Writes a type through its form, and reads it back.
macro_rules! spelt_as {
    ($type:ty, $form:ident) => {
        super::written_as!($type, $form);

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let form: $form = serde::Deserialize::deserialize(deserializer)?;
                form.try_into().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Writes a type as the text that it displays, and reads that.
macro_rules! spelt_as_text {
    ($type:ty, $what:literal) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl serde::de::Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($what)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }

                deserializer.deserialize_str(Text)
            }
        }
    };
}

use {spelt_as, spelt_as_text, written_as};
