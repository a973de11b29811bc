//! Turns failures of Postgres, or of the connection to it, into store errors.

use market_backbone_core::{StoreError, StoreErrorKind as Kind, VenueId};

use super::config::PostgresConfig;

/// Builds the error for a failure at the database of `config`. The driver's own messages never hold the
/// password.
pub(super) fn database(config: &PostgresConfig, error: sqlx::Error) -> StoreError {
    let is_transient = is_transient(&error);
    let (kind, what) = match &error {
        sqlx::Error::Database(refusal) => match refusal.code().as_deref() {
            Some("57014") => return timed_out(config),
            Some("55P03") => (Kind::Inaccessible, "makes us wait for another client's lock"),
            Some("53100") => (Kind::DiskFull, "has no space left; stored data is unharmed"),
            Some("53300") => (Kind::Inaccessible, "has no free connection; allow more, or use fewer"),
            Some("28000" | "28P01") => {
                (Kind::Inaccessible, "refuses the login; check user, password and sslmode")
            }
            Some("3D000") => (Kind::Inaccessible, "does not exist; create it with `createdb`"),
            Some("42501" | "3F000" | "25006") => {
                (Kind::Inaccessible, "refuses the operation; grant CREATE on it, or use another user")
            }
            Some("57P01" | "57P02" | "57P03") => (Kind::Inaccessible, "is being stopped or started"),
            Some("XX001" | "XX002") => (Kind::Corrupt, "is damaged"),
            _ => (Kind::Database, "refused"),
        },
        sqlx::Error::Io(_) => {
            (Kind::Inaccessible, "cannot be reached; check that it runs and --store names it")
        }
        sqlx::Error::Tls(_) => (Kind::Inaccessible, "cannot be reached over TLS; check sslmode"),
        sqlx::Error::PoolTimedOut => return timed_out(config),
        sqlx::Error::PoolClosed => return closed(),
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => (Kind::Corrupt, "holds invalid data"),
        _ => (Kind::Database, "failed"),
    };
    let said = StoreError::new(kind, format!("the database {config} {what}")).with_source(error);
    if is_transient { said.transient() } else { said }
}

/// Returns whether the error may pass by itself. Refused logins and missing databases need action by the
/// user.
fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        // Lost connections; deadlocks; out of memory, disk or connections; lock and time limits; shutdown.
        sqlx::Error::Database(refusal) => refusal.code().is_some_and(|code| {
            let classes = ["08", "40", "53", "55P03", "57", "25P"];
            classes.iter().any(|class| code.starts_with(class))
        }),
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

/// Returns whether the connection, and perhaps all open ones, are unusable after the error.
pub(super) fn breaks_connections(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(refusal) => {
            refusal.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
        }
        _ => false,
    }
}

/// Builds the error for tables written by a newer version of the program.
pub(super) fn too_new(config: &PostgresConfig, found: i32, known: i32) -> StoreError {
    StoreError::new(
        Kind::TooNew,
        format!(
            "the schema {} of {config} was written by a newer version of this program (schema {found}, \
             this one \
             knows {known}); use that version",
            config.schema
        ),
    )
}

/// Builds the error for series that have not been claimed.
pub(super) fn unclaimed(config: &PostgresConfig, source: VenueId) -> StoreError {
    StoreError::new(
        Kind::Unclaimed,
        crate::unclaimed_source::claim_instructions(&format!("the database {config}"), source),
    )
}

/// Builds the error for a store that has been closed.
pub(super) fn closed() -> StoreError {
    StoreError::new(Kind::Closed, "the store has been closed")
}

/// Builds the error for a timeout of the server, the network or another process's lock.
pub(super) fn timed_out(config: &PostgresConfig) -> StoreError {
    StoreError::new(Kind::Inaccessible, format!("the database {config} did not answer in time")).transient()
}
