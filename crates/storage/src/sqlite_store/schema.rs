//! What tables the files of the store have, and what brings those of older versions up to date.
//!
//! The version of the index is that of the folder: it is raised by who is alone in it, so all who share the folder know the
//! layout. Shards are brought up to date when they are first opened.

/// The version of the tables below; a file says in `user_version` which one it was written with.
pub(super) const SCHEMA_VERSION: i64 = 5;

/// What a file of the store is for.
#[derive(Debug)]
pub(crate) struct FileSchema {
    /// SQLite's `application_id`, so that no other program's file is taken for ours.
    pub(super) application_id: i64,
    /// The tables of version 1.
    pub(super) tables: &'static str,
    /// What brings a file of version 1 to version 2, one of version 2 to version 3, and so on.
    pub(super) migrations: [&'static str; SCHEMA_VERSION as usize - 1],
}

/// Holds candle tables, the ledger of what is known of them, and what their rows were before.
pub(super) const SHARD: FileSchema = FileSchema {
    application_id: 0x4d42_6373, // "MBcs"
    // Times in ns, because a stretch may reach back to the beginning of time.
    tables: "CREATE TABLE coverage (
                 series TEXT NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,
                 origin TEXT NOT NULL, observed_ns INTEGER NOT NULL,
                 PRIMARY KEY (series, from_ns)
             ) WITHOUT ROWID;",
    migrations: [
        // Both pairs say who: an origin and a time, or neither.
        "CREATE TABLE dispute (
             series TEXT NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,
             earlier_origin TEXT, earlier_ns INTEGER, later_origin TEXT, later_ns INTEGER,
             PRIMARY KEY (series, from_ns)
         ) WITHOUT ROWID;",
        // Rows as they were before others took their place; without figures where it was known that nothing had traded.
        "CREATE TABLE revision (
             series TEXT NOT NULL, timestamp INTEGER NOT NULL, superseded_ns INTEGER NOT NULL,
             open REAL, high REAL, low REAL, close REAL, volume REAL, turnover REAL,
             PRIMARY KEY (series, timestamp, superseded_ns)
         ) WITHOUT ROWID;",
        // What answers left out beyond their rows. And what was proven when one answer was enough for it: what it says of
        // slots at its edge is doubtful, and `store check` looks at it.
        "CREATE TABLE claim (
             series TEXT NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,
             witnesses INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
             PRIMARY KEY (series, from_ns)
         ) WITHOUT ROWID;
         CREATE TABLE lone_witness (
             series TEXT NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,
             PRIMARY KEY (series, from_ns)
         ) WITHOUT ROWID;
         INSERT INTO lone_witness SELECT series, from_ns, to_ns FROM coverage WHERE origin IN ('rest', 'early');",
        // By which number the last commit is known: see `marks`.
        "CREATE TABLE last_commit (mark INTEGER NOT NULL);
         INSERT INTO last_commit VALUES (0);
         -- Sums of what is held, by which damage is seen: see `sum_table`.
         CREATE TABLE block_sum (
             series TEXT NOT NULL, block INTEGER NOT NULL, rows INTEGER NOT NULL, sum INTEGER NOT NULL,
             PRIMARY KEY (series, block)
         ) WITHOUT ROWID;
         CREATE TABLE seal (
             series TEXT PRIMARY KEY, ledger INTEGER NOT NULL, blocks INTEGER NOT NULL
         ) WITHOUT ROWID;
         CREATE TABLE unsealed (series TEXT PRIMARY KEY) WITHOUT ROWID;
         INSERT INTO unsealed SELECT series FROM coverage UNION SELECT series FROM claim;
         CREATE TABLE layout (version INTEGER NOT NULL);
         INSERT INTO layout VALUES (5);",
    ],
};

/// Says which shard a series' table is in.
pub(super) const INDEX: FileSchema = FileSchema {
    application_id: 0x4d42_6978, // "MBix"
    tables: "CREATE TABLE series (
                 venue TEXT NOT NULL, table_name TEXT NOT NULL, shard INTEGER NOT NULL,
                 PRIMARY KEY (venue, table_name)
             ) WITHOUT ROWID;
             CREATE INDEX series_by_shard ON series (venue, shard);",
    // Sources whose folders are known to be theirs: see `sources`.
    migrations: [
        "",
        "",
        "CREATE TABLE source (name TEXT PRIMARY KEY) WITHOUT ROWID;",
        // The version once more, by which damage to the head of a file is told from a newer version.
        "CREATE TABLE layout (version INTEGER NOT NULL); INSERT INTO layout VALUES (5);",
    ],
};

/// Holds lists of markets.
pub(crate) const UNIVERSES: FileSchema = FileSchema {
    application_id: 0x4d42_756e, // "MBun"
    tables: "CREATE TABLE cache_entries (
                 lookup TEXT PRIMARY KEY, type TEXT NOT NULL, value TEXT NOT NULL,
                 created INTEGER NOT NULL, updated INTEGER NOT NULL
             ) WITHOUT ROWID;",
    migrations: [
        "",
        "",
        "",
        // The sum of all lists; none where an older version wrote them.
        "CREATE TABLE list_sum (sum INTEGER NOT NULL);
         CREATE TABLE layout (version INTEGER NOT NULL);
         INSERT INTO layout VALUES (5);",
    ],
};
