//! The address of the shared database, and the limits of one process.

use std::fmt;
use std::time::Duration;

use market_backbone_core::{StoreError, StoreErrorKind};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};

use super::pgpass;
use super::recent_failure::RecentFailure;

/// The longest wait for a connection; statements and locks have limits of their own, in that order of
/// strictness.
///
/// The server ends what takes longer, so that a process that has vanished blocks nobody.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const LOCK_TIMEOUT_MS: &str = "10000";
const STATEMENT_TIMEOUT_MS: &str = "20000";
/// The time after which an unused connection is closed: many processes share a server's few connections.
const IDLE: Duration = Duration::from_secs(60);

/// The time since its last use for which a connection counts as alive.
const ASSUMED_ALIVE_FOR: Duration = Duration::from_secs(5);

/// The allowed keys after an address's `?`.
///
/// The driver would log any other key together with its value, and a misspelt `password=` must not end up in
/// a log.
const KNOWN_KEYS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// The address of a [`PostgresStore`](crate::PostgresStore) and its resource limits.
///
/// Displays, and debugs, as `postgres://user@host:port/database`: never with the password.
#[derive(Clone)]
pub struct PostgresConfig {
    // Boxed because it is large, and part of enums whose other variants are not.
    options: Box<PgConnectOptions>,
    pub(crate) schema: String,
    pub(crate) max_connections: u32,
}

market_backbone_core::setters!(PostgresConfig {
    /// The schema of our tables, of `a-z`, `0-9` and `_`; created if it does not exist.
    #[getter(get_schema -> &str)]
    schema: String,
    /// The largest number of connections of this process. They are opened when needed and closed when idle.
    #[getter(get_max_connections)]
    max_connections: u32,
});

impl PostgresConfig {
    /// Parses an address such as `postgres://user:password@host:port/database?sslmode=require`.
    ///
    /// What the address leaves out is read where `psql` reads it: `PGHOST`, `PGUSER`, `PGPASSWORD`,
    /// `~/.pgpass` and so on, so that the password need not appear in a command.
    ///
    /// # Errors
    ///
    /// [`Inaccessible`](StoreErrorKind::Inaccessible) if it is not such an address. The message repeats
    /// nothing of it.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let unreadable = |why: &str| {
            StoreError::new(
                StoreErrorKind::Inaccessible,
                format!(
                    "the store's address is not readable{why}; write it like \
                     postgres://user@host:5432/database"
                ),
            )
        };
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(unreadable(" (it does not begin with postgres://)"));
        }
        if let Some(key) = unknown_key(url) {
            return Err(unreadable(&format!(" (it sets the unknown key `{key}`)")));
        }
        // The parser's own message may quote the address, and with it the password.
        let options = options(url).ok_or_else(|| unreadable(""))?;
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("market-backbone"),
        };
        Ok(Self { options: Box::new(options), schema: "market_backbone".to_owned(), max_connections: 4 })
    }

    /// Checks that the schema's name can be used in SQL unquoted.
    pub(super) fn checked(self) -> Result<Self, StoreError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let begins_well = self.schema.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        if begins_well && self.schema.len() <= 63 && self.schema.chars().all(plain) {
            return Ok(self);
        }
        let message =
            format!("`{}` cannot be a schema; its name must be of a-z, 0-9 and _, at most 63", self.schema);
        Err(StoreError::new(StoreErrorKind::Inaccessible, message))
    }

    /// Returns the options with which each connection is opened.
    pub(super) fn connection(&self) -> PgConnectOptions {
        PgConnectOptions::clone(&self.options)
            .options([
                ("search_path", self.schema.as_str()),
                ("statement_timeout", STATEMENT_TIMEOUT_MS),
                ("lock_timeout", LOCK_TIMEOUT_MS),
                ("idle_in_transaction_session_timeout", STATEMENT_TIMEOUT_MS),
                // Each query walks along a primary key. The server caches the plan of a statement, and a plan
                // made while a table was small would scan all of it later.
                ("enable_seqscan", "off"),
                ("enable_bitmapscan", "off"),
            ])
            .disable_statement_logging()
    }

    /// Creates the pool; no connection is open yet.
    pub(super) fn pool(&self, suspicion: RecentFailure) -> PgPool {
        PgPoolOptions::new()
            .max_connections(self.max_connections.max(1))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(IDLE)
            // The usual test before each use would double the round trips of a read.
            .test_before_acquire(false)
            .before_acquire(move |conn, used| {
                let is_doubtful = used.idle_for > ASSUMED_ALIVE_FOR || suspicion.is_recent();
                Box::pin(async move {
                    if is_doubtful {
                        conn.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(self.connection())
    }
}

impl fmt::Display for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        let (user, database) = (options.get_username(), options.get_database());
        match options.get_socket() {
            Some(socket) => write!(f, "postgres://{user}@{}:{}", socket.display(), options.get_port())?,
            None => write!(f, "postgres://{user}@{}:{}", options.get_host(), options.get_port())?,
        }
        write!(f, "/{}", database.unwrap_or(user))
    }
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("address", &format_args!("{self}"))
            .field("schema", &self.schema)
            .field("max_connections", &self.max_connections)
            .finish()
    }
}

/// Reads the connection options from the address and the environment. `None` if it is no address.
fn options(url: &str) -> Option<PgConnectOptions> {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| value.into_string().is_ok());
    if has_password(url) || is_set("PGPASSWORD") {
        return url.parse().ok();
    }
    // With a password, the driver does not look for one; it treats an empty one as none.
    let (address, part) = url.split_once('#').map_or((url, ""), |(address, part)| (address, part));
    let joint = if address.contains('?') { '&' } else { '?' };
    let options: PgConnectOptions = format!("{address}{joint}password=#{part}").parse().ok()?;
    let password = pgpass::password(&options);
    Some(password.into_iter().fold(options, |options, password| options.password(&password)))
}

/// Returns whether the address contains a password.
fn has_password(url: &str) -> bool {
    let (_, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let in_user = user.split_once(':').is_some_and(|(_, password)| !password.is_empty());
    in_user || keys(url).any(|key| key == "password")
}

/// Returns the first unknown key of the address.
fn unknown_key(url: &str) -> Option<&str> {
    keys(url).find(|key| !KNOWN_KEYS.contains(key) && !key.starts_with("options["))
}

fn keys(url: &str) -> impl Iterator<Item = &str> {
    let (_, query) = url.split_once('?').unwrap_or_default();
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split('=').next().unwrap_or(pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_never_shown() {
        let config = PostgresConfig::parse("postgres://bob:s3cret@db.example:6432/market").unwrap();
        assert_eq!(config.to_string(), "postgres://bob@db.example:6432/market");
        assert!(!format!("{config:?}").contains("s3cret"));
        for address in [
            "postgres://bob:s3cret@db.example:notaport/market",
            "postgres://bob@db.example/market?pasword=s3cret",
            "mysql://bob:s3cret@db.example/market",
            "postgres://bob:s3cret@[::/market",
        ] {
            let error = PostgresConfig::parse(address).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn it_is_known_whether_an_address_holds_a_password() {
        for with in
            ["postgres://bob:x@h/m", "postgres://h/m?password=x", "postgres://bob:x@h?sslmode=require#y"]
        {
            assert!(has_password(with), "{with}");
        }
        for without in
            ["postgres://bob@h:5432/m", "postgres://bob:@h", "postgres://h/m:x@y?user=bob", "postgres://"]
        {
            assert!(!has_password(without), "{without}");
        }
        let plain = PostgresConfig::parse("postgres://bob@db.example/market?sslmode=disable#part").unwrap();
        assert_eq!(plain.to_string(), "postgres://bob@db.example:5432/market");
    }

    #[test]
    fn a_schema_that_could_say_something_else_in_sql_is_refused() {
        let config = PostgresConfig::parse("postgres://bob@db.example/market").unwrap();
        for schema in ["", "a b", "a;b", "1a", "A", "a\"b", &"x".repeat(64)] {
            assert!(
                PostgresConfig { schema: schema.to_owned(), ..config.clone() }.checked().is_err(),
                "{schema}"
            );
        }
        assert!(PostgresConfig { schema: "fleet_2".to_owned(), ..config }.checked().is_ok());
    }
}
