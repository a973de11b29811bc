//! What the adapters of venues share, so that each of them holds nothing but its venue's protocol.
//!
//! An adapter writes requests ([`get`], [`page_size`]), tells answers from failures ([`Retry-After`](retry_after),
//! [`unknown_market`], [`excerpt`]), and reads lists element by element ([`JsonList`]), so that one bad element never
//! takes its neighbours with it. Frames are read fast with a [`CommaIndex`] and [`plain_number`]. No I/O happens here, and
//! no venue is named.
//!
//! ```
//! use market_backbone_core::{RateLimitGroup, SourceErrorKind};
//! use market_backbone_venue_kit::{JsonList, element, get, page_size};
//!
//! let count = page_size("binance", 500, 1_000, "trades")?;
//! let call = get(RateLimitGroup("weight"), "/api/v3/aggTrades", vec![("limit", count.to_string())]);
//! assert_eq!(call.path, "/api/v3/aggTrades");
//!
//! let list = JsonList::parse("binance", br#"[{"a":1},{"a":"?"}]"#)?;
//! let (ids, dropped) = list.read(|raw| element::<std::collections::BTreeMap<String, i64>>(raw)?.remove("a"))?;
//! assert_eq!((ids, dropped), (vec![1], 1));
//! # Ok::<(), market_backbone_core::SourceError>(())
//! ```

mod comma_index;
mod excerpt;
mod failures;
mod fixed_layout;
mod json_list;
mod numbers;
mod plain_number;
mod requests;

pub use comma_index::CommaIndex;
pub use excerpt::excerpt;
pub use failures::{malformed, retry_after, unknown_market, unreadable_frame};
pub use fixed_layout::{find_near, has_layout};
pub use json_list::{JsonList, element, frame_text, parse_body, parse_frame, read_every};
pub use numbers::{amount, finite};
pub use plain_number::{plain_integer, plain_number};
pub use requests::{bad_request, get, page_size, unsupported};
