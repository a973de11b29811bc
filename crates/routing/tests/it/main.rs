//! Rules of the REST side: permits, retries, and the choice of the route.

#![expect(
    clippy::unwrap_used,
    reason = "clippy does not see that the functions which tests share are tests too"
)]

mod choice;
mod corrections;
mod deadlines;
mod eta;
mod names;
mod priority;
mod promise;
mod retry;
mod router;
mod scope;
mod server;
mod stalls;
mod threads;
mod weights;
