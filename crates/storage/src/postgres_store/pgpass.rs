//! `~/.pgpass`: a file with the passwords to databases, one a line.
//!
//! Read here and not by the driver, which logs each line that it cannot read, including the password.

use std::env::{home_dir, var_os};
use std::fs;
use std::path::{Path, PathBuf};

use sqlx::postgres::PgConnectOptions;

/// Returns the password to the database of `options`, from `PGPASSFILE` or else from `~/.pgpass`.
pub(super) fn password(options: &PgConnectOptions) -> Option<String> {
    let named = var_os("PGPASSFILE").map(PathBuf::from);
    let usual = home_dir().map(|home| home.join(".pgpass"));
    named.into_iter().chain(usual).find_map(|file| in_text(&readable(&file)?, options))
}

/// Reads a file, provided that no other user may read it.
fn readable(file: &Path) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if fs::metadata(file).ok()?.permissions().mode() & 0o077 != 0 {
            tracing::warn!(file = %file.display(), "other users may read the password file: it is not used");
            return None;
        }
    }
    fs::read_to_string(file).ok()
}

fn in_text(text: &str, options: &PgConnectOptions) -> Option<String> {
    let port = options.get_port().to_string();
    let database = options.get_database().unwrap_or_default();
    let wanted = [options.get_host(), &port, database, options.get_username()];
    text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty()).find_map(
        |(number, line)| {
            let Some((fields, password)) = split_fields(line) else {
                tracing::warn!(line = number + 1, "a line of the password file lacks a field");
                return None;
            };
            let fits = fields.iter().zip(wanted).all(|(field, wanted)| field == "*" || field == wanted);
            fits.then_some(password)
        },
    )
}

/// Splits a line into host, port, database and user, and the password. A `\` escapes the next character.
fn split_fields(line: &str) -> Option<([String; 4], String)> {
    let mut fields: [String; 4] = Default::default();
    let mut at = 0;
    let mut signs = line.chars();
    while at < fields.len() {
        match signs.next()? {
            ':' => at += 1,
            '\\' => fields[at].push(signs.next()?),
            sign => fields[at].push(sign),
        }
    }
    let mut password = String::new();
    while let Some(sign) = signs.next() {
        password.extend(if sign == '\\' { signs.next() } else { Some(sign) });
    }
    Some((fields, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, want: Option<&str>) {
        let options: PgConnectOptions = "postgres://bob@db.example:6432/market?password=x".parse().unwrap();
        assert_eq!(in_text(line, &options).as_deref(), want, "{line}");
    }

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        check("db.example:6432:market:bob:s3cret", Some("s3cret"));
        check("*:*:*:bob:a\\:b\\\\c:d", Some("a:b\\c:d"));
        check(
            "# db.example:6432:market:bob:no\n\nother:6432:market:bob:no\n*:*:*:*:yes\n*:*:*:*:late",
            Some("yes"),
        );
        check("db\\.example:6432:market:bob:s3cret\r\n", Some("s3cret"));
    }

    #[test]
    fn a_line_that_lacks_a_part_has_none() {
        for line in ["", "db.example:6432:market:s3cret", "s3cret", "*:*:*:bob\\", "*:*:*:ann:no"] {
            check(line, None);
        }
        check("db.example:6432:market:s3cret\n*:*:*:*:yes", Some("yes"));
    }
}
