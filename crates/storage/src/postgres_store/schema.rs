//! The schema of the shared database, and the migration of older versions.

use market_backbone_core::StoreError;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row};

use super::config::PostgresConfig;
use super::fault;

/// The statements that lead to version 1, 2, …; an entry never changes once it was released.
///
/// One table for all candles, not one for each series: see `docs/decisions/0003-one-table-in-postgres.md`.
/// Series are never deleted, so nothing needs a foreign key to them, which would cost a check for each row.
const MIGRATIONS: [&str; 4] = ["
    CREATE TABLE series (
        id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        venue text NOT NULL, symbol text NOT NULL, timeframe text NOT NULL,
        UNIQUE (venue, symbol, timeframe)
    );
    CREATE TABLE candles (
        series integer NOT NULL,
        open_ms bigint NOT NULL, -- when the slot opens, Unix ms
        open double precision NOT NULL, high double precision NOT NULL, low double precision NOT NULL,
        close double precision NOT NULL, volume double precision NOT NULL, turnover double precision NOT NULL,
        PRIMARY KEY (series, open_ms)
    );
    -- The usual fifth of a table would be millions of rows here.
    ALTER TABLE candles SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
    -- Times in ns, because a stretch may reach back to the beginning of time.
    CREATE TABLE coverage (
        series integer NOT NULL, from_ns bigint NOT NULL, to_ns bigint NOT NULL,
        origin text NOT NULL, observed_ns bigint NOT NULL,
        PRIMARY KEY (series, from_ns)
    );
    CREATE TABLE disputes (
        series integer NOT NULL, from_ns bigint NOT NULL, to_ns bigint NOT NULL,
        earlier_origin text, earlier_ns bigint, later_origin text, later_ns bigint,
        PRIMARY KEY (series, from_ns)
    );
", "
    -- Rows as they were before others took their place; without figures where it was known that nothing had traded.
    CREATE TABLE revisions (
        series integer NOT NULL, open_ms bigint NOT NULL, superseded_ns bigint NOT NULL,
        open double precision, high double precision, low double precision,
        close double precision, volume double precision, turnover double precision,
        PRIMARY KEY (series, open_ms, superseded_ns)
    );
", "
    -- Sources whose series were written when sources were not kept apart, and of which nobody has said whose they are.
    CREATE TABLE unclaimed (venue text PRIMARY KEY);
    INSERT INTO unclaimed SELECT DISTINCT venue FROM series;
", "
    -- How many rows commits have left in each stretch of so many slots: what is fewer or more has been changed behind them.
    CREATE TABLE tallies (
        series integer NOT NULL, from_ms bigint NOT NULL, row_count bigint NOT NULL,
        PRIMARY KEY (series, from_ms)
    );
    -- What answers left out beyond their rows.
    CREATE TABLE claims (
        series integer NOT NULL, from_ns bigint NOT NULL, to_ns bigint NOT NULL,
        witnesses integer NOT NULL, first_ns bigint NOT NULL, last_ns bigint NOT NULL,
        PRIMARY KEY (series, from_ns)
    );
    -- What was proven when one answer was enough for it: what it says of slots at its edge is doubtful.
    CREATE TABLE lone_witnesses (
        series integer NOT NULL, from_ns bigint NOT NULL, to_ns bigint NOT NULL,
        PRIMARY KEY (series, from_ns)
    );
    INSERT INTO lone_witnesses SELECT series, from_ns, to_ns FROM coverage WHERE origin IN ('rest', 'early');
"];

/// The version this program writes.
const CURRENT: i32 = MIGRATIONS.len() as i32;
/// The key of the advisory lock of migrations: "MBpg".
const LOCK: i64 = 0x4d42_7067;

/// Creates the tables, or migrates them. Needs no privilege to change anything if nothing is to be done.
pub(super) async fn prepare(conn: &mut PgConnection, config: &PostgresConfig) -> Result<(), StoreError> {
    let failed = |error| fault::database(config, error);
    let mut done = versions(conn).await.map_err(failed)?;
    if done.len() < MIGRATIONS.len() {
        done = migrate(conn, config).await.map_err(failed)?;
    }
    match done.last() {
        Some(newest) if *newest > CURRENT => Err(fault::too_new(config, *newest, CURRENT)),
        _ => Ok(()),
    }
}

/// Runs the missing migrations in one transaction, one process at a time; returns the versions found.
async fn migrate(conn: &mut PgConnection, config: &PostgresConfig) -> Result<Vec<i32>, sqlx::Error> {
    execute(conn, "BEGIN ISOLATION LEVEL READ COMMITTED".to_owned()).await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *conn).await?;
    let begin = format!(
        "CREATE SCHEMA IF NOT EXISTS {};
         CREATE TABLE IF NOT EXISTS schema_version (
             version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now()
         )",
        config.schema
    );
    execute(conn, begin).await?;
    let found = versions(conn).await?; // again: another process may have been faster
    let is_missing =
        |number: i32| !found.contains(&number) && found.last().is_none_or(|newest| *newest <= CURRENT);
    for (number, script) in (1..).zip(MIGRATIONS).filter(|(number, _)| is_missing(*number)) {
        execute(conn, script.to_owned()).await?;
        sqlx::query("INSERT INTO schema_version (version) VALUES ($1)")
            .bind(number)
            .execute(&mut *conn)
            .await?;
    }
    execute(conn, "COMMIT".to_owned()).await?;
    Ok(found)
}

/// Returns the migrations that were applied to the existing tables, in order.
async fn versions(conn: &mut PgConnection) -> Result<Vec<i32>, sqlx::Error> {
    let found = sqlx::query("SELECT to_regclass('schema_version') IS NOT NULL").fetch_one(&mut *conn).await?;
    if !found.try_get::<bool, _>(0)? {
        return Ok(Vec::new());
    }
    sqlx::query_scalar("SELECT version FROM schema_version ORDER BY version").fetch_all(conn).await
}

async fn execute(conn: &mut PgConnection, sql: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(|_| ())
}
