//! The id of the last commit in the shard itself, written in the transaction of that commit.

use sqlx::sqlite::SqliteConnection;

use super::commit_file::CommitId;

/// The id of a shard without commits.
pub(super) const NO_COMMIT: CommitId = 0;

/// Reads the id of the commit that a read which begins now will see, or of an older one.
pub(super) async fn read(conn: &mut SqliteConnection) -> Result<CommitId, sqlx::Error> {
    let mark: i64 = sqlx::query_scalar("SELECT mark FROM last_commit").fetch_one(conn).await?;
    Ok(mark.cast_unsigned())
}

/// Writes the id of the caller's transaction.
pub(super) async fn write(conn: &mut SqliteConnection, mark: CommitId) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE last_commit SET mark = ?1").bind(mark.cast_signed()).execute(conn).await.map(drop)
}
