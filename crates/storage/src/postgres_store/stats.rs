//! Statistics of the database, and vacuum.

use std::time::Duration;

use market_backbone_core::{CandleStore, Series, StoreError};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row};

use super::{DEADLINE, PostgresStore};

/// The longest that a vacuum may take: a large table takes its time.
const VACUUM_DEADLINE: Duration = Duration::from_secs(6 * 3_600);
/// The tables from which rows are ever removed, the largest first.
const TABLES: [&str; 8] =
    ["candles", "revisions", "coverage", "claims", "disputes", "tallies", "lone_witnesses", "series"];

/// The content of a database and its size.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct DatabaseStats {
    /// The statistics of each series, in order.
    pub series: Vec<DatabaseSeries>,
    /// The statistics of each of our tables, by name.
    pub tables: Vec<DatabaseTable>,
}

/// The statistics of one series in a database.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DatabaseSeries {
    /// The series that is counted.
    pub series: Series,
    /// The number of candles.
    pub rows: u64,
    /// The number of spans of the ledger.
    pub spans: u64,
    /// The number of ranges about which two answers disagreed.
    pub disputes: u64,
    /// The number of earlier versions of its candles.
    pub revisions: u64,
}

/// The statistics of one table of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseTable {
    /// The name of the table, without the schema.
    pub name: String,
    /// The size of the table and its indexes, in bytes.
    pub bytes: u64,
    /// The number of rows that were replaced or removed and still take space, as the server has counted them.
    pub dead_rows: u64,
}

impl DatabaseStats {
    /// Returns the number of candles of all series.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.series.iter().map(|series| series.rows).sum()
    }

    /// Returns the size of all tables, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.tables.iter().map(|table| table.bytes).sum()
    }

    /// Returns the number of dead rows of all tables.
    #[must_use]
    pub fn dead_rows(&self) -> u64 {
        self.tables.iter().map(|table| table.dead_rows).sum()
    }
}

impl PostgresStore {
    /// Counts all that is stored, series by series. Counting a million rows takes about a second.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn stats(&self) -> Result<DatabaseStats, StoreError> {
        let mut series = Vec::new();
        for one in self.series().await? {
            let connections = self.connections.clone();
            let counted = self.run(DEADLINE, async move {
                let mut conn = connections.acquire().await?;
                let counted = count(&mut conn, one).await?;
                conn.release();
                Ok(counted)
            });
            series.push(counted.await?);
        }
        Ok(DatabaseStats { series, tables: self.tables().await? })
    }

    /// Returns the sizes of our tables.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn tables(&self) -> Result<Vec<DatabaseTable>, StoreError> {
        let (connections, schema) = (self.connections.clone(), self.config.schema.clone());
        self.run(DEADLINE, async move {
            let mut conn = connections.acquire().await?;
            let tables = tables(&mut conn, &schema).await?;
            conn.release();
            Ok(tables)
        })
        .await
    }

    /// Makes the space of removed rows reusable, and gives back what is free at the end of each table.
    ///
    /// Readers and writers go on meanwhile; the database's own `VACUUM FULL` gives back more and blocks them.
    ///
    /// # Errors
    ///
    /// If the database cannot be reached or refuses. The server skips a table that is not ours to vacuum,
    /// with a warning.
    pub async fn vacuum(&self) -> Result<(), StoreError> {
        let (connections, schema) = (self.connections.clone(), self.config.schema.clone());
        self.run(VACUUM_DEADLINE, async move {
            // Closed afterwards, because nothing else must run without a time limit.
            let mut conn = connections.acquire().await?;
            execute(&mut conn, "SET statement_timeout = 0".to_owned()).await?;
            for table in TABLES {
                execute(&mut conn, format!("VACUUM (ANALYZE) {schema}.{table}")).await?;
            }
            Ok(())
        })
        .await
    }
}

async fn count(conn: &mut PgConnection, series: Series) -> Result<DatabaseSeries, sqlx::Error> {
    let row = sqlx::query(
        "WITH wanted AS (SELECT id FROM series WHERE venue = $1 AND symbol = $2 AND timeframe = $3)
         SELECT (SELECT count(*) FROM candles WHERE series = (SELECT id FROM wanted)),
                (SELECT count(*) FROM coverage WHERE series = (SELECT id FROM wanted)),
                (SELECT count(*) FROM disputes WHERE series = (SELECT id FROM wanted)),
                (SELECT count(*) FROM revisions WHERE series = (SELECT id FROM wanted))",
    )
    .bind(series.symbol.venue().as_str())
    .bind(series.symbol.code())
    .bind(series.timeframe.as_str())
    .fetch_one(conn)
    .await?;
    let [rows, spans, disputes, revisions] =
        [number(&row, 0)?, number(&row, 1)?, number(&row, 2)?, number(&row, 3)?];
    Ok(DatabaseSeries { series, rows, spans, disputes, revisions })
}

async fn tables(conn: &mut PgConnection, schema: &str) -> Result<Vec<DatabaseTable>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT relname::text, pg_total_relation_size(relid), n_dead_tup FROM pg_stat_user_tables
          WHERE schemaname = $1 ORDER BY relname",
    )
    .bind(schema)
    .fetch_all(conn)
    .await?;
    let table = |row: &PgRow| {
        Ok(DatabaseTable { name: row.try_get(0)?, bytes: number(row, 1)?, dead_rows: number(row, 2)? })
    };
    rows.iter().map(table).collect()
}

fn number(row: &PgRow, column: usize) -> Result<u64, sqlx::Error> {
    row.try_get::<i64, _>(column).map(|number| number.unsigned_abs())
}

async fn execute(conn: &mut PgConnection, sql: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(|_| ())
}
