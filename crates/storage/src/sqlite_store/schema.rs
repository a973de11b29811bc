//! The tables of the store's files, and the migrations of older versions.
//!
//! The version of the index is that of the folder: it is raised under the exclusive lock, so all processes
//! that share the folder know the schema. Shards are migrated when they are first opened.

/// The version of the tables below; a file's `user_version` says which version wrote it.
pub(super) const SCHEMA_VERSION: i64 = 6;

/// The schema of one kind of file.
#[derive(Debug)]
pub(crate) struct FileSchema {
    /// SQLite's `application_id`, which tells our files from those of other programs.
    pub(super) application_id: i64,
    /// The tables of version 1.
    pub(super) tables: &'static str,
    /// The migrations from version 1 to version 2, from version 2 to version 3, and so on.
    pub(super) migrations: [&'static str; SCHEMA_VERSION as usize - 1],
}

/// The schema of shards: candle tables, the ledger, and earlier versions of rows.
pub(super) const SHARD: FileSchema = FileSchema {
    application_id: 0x4d42_6373, // "MBcs"
    // Times in ns, because a range may reach back to the beginning of time.
    tables: "CREATE TABLE coverage (
                 series TEXT NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,
                 origin TEXT NOT NULL, observed_ns INTEGER NOT NULL,
                 PRIMARY KEY (series, from_ns)
             ) WITHOUT ROWID;",
    migrations: [
        // Both pairs are provenance: an origin and a time, or neither.
        "CREATE TABLE dispute (
             series TEXT NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,
             earlier_origin TEXT, earlier_ns INTEGER, later_origin TEXT, later_ns INTEGER,
             PRIMARY KEY (series, from_ns)
         ) WITHOUT ROWID;",
        // Rows before they were replaced; without values where the slot was known to be empty.
        "CREATE TABLE revision (
             series TEXT NOT NULL, timestamp INTEGER NOT NULL, superseded_ns INTEGER NOT NULL,
             open REAL, high REAL, low REAL, close REAL, volume REAL, turnover REAL,
             PRIMARY KEY (series, timestamp, superseded_ns)
         ) WITHOUT ROWID;",
        // What replies left out beyond their rows; and ranges accepted when one reply was enough: slots at
        // their edge are uncertain, and `store check` checks them.
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
        // The id of the last commit: see `commit_id_table`.
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
        // The seals of files with columns: see `sealed`. A version that does not know them would write rows
        // without deleting their seals.
        "CREATE TABLE sealed_segment (
             series TEXT NOT NULL, segment INTEGER NOT NULL, seal INTEGER NOT NULL,
             from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, rows INTEGER NOT NULL, sum INTEGER NOT NULL,
             PRIMARY KEY (series, segment)
         ) WITHOUT ROWID;
         UPDATE layout SET version = 6;",
    ],
};

/// The schema of the index, which says which shard a series' table is in.
pub(super) const INDEX: FileSchema = FileSchema {
    application_id: 0x4d42_6978, // "MBix"
    tables: "CREATE TABLE series (
                 venue TEXT NOT NULL, table_name TEXT NOT NULL, shard INTEGER NOT NULL,
                 PRIMARY KEY (venue, table_name)
             ) WITHOUT ROWID;
             CREATE INDEX series_by_shard ON series (venue, shard);",
    // Sources whose folders are known to be theirs: see `source_registry`.
    migrations: [
        "",
        "",
        "CREATE TABLE source (name TEXT PRIMARY KEY) WITHOUT ROWID;",
        // The version once more, which tells damage to the header of a file from a newer version.
        "CREATE TABLE layout (version INTEGER NOT NULL); INSERT INTO layout VALUES (5);",
        "UPDATE layout SET version = 6;",
    ],
};

/// The schema of the lists of markets.
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
        // The checksum of all lists; none where an older version wrote them.
        "CREATE TABLE list_sum (sum INTEGER NOT NULL);
         CREATE TABLE layout (version INTEGER NOT NULL);
         INSERT INTO layout VALUES (5);",
        "UPDATE layout SET version = 6;",
    ],
};
