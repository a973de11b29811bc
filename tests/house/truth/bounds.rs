//! What caution costs, in requests.
