//! The mark of the last commit, in the shard itself: written with what it stands for, both or neither.

use sqlx::sqlite::SqliteConnection;

use super::commit_file::CommitId;

/// That of a file to which nothing was committed.
pub(super) const NO_COMMIT: CommitId = 0;

/// The mark of what a read that begins now will see, or of something older.
pub(super) async fn read(conn: &mut SqliteConnection) -> Result<CommitId, sqlx::Error> {
    let mark: i64 = sqlx::query_scalar("SELECT mark FROM last_commit").fetch_one(conn).await?;
    Ok(mark.cast_unsigned())
}

/// Writes the mark of the caller's transaction.
pub(super) async fn write(conn: &mut SqliteConnection, mark: CommitId) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE last_commit SET mark = ?1").bind(mark.cast_signed()).execute(conn).await.map(drop)
}
