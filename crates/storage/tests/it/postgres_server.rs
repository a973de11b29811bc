//! A real Postgres for the tests: started once for each test program, gone with it however it ends.
//!
//! A shell stands between: it starts the server, says so, and waits for the end of its input, which comes when
//! the test program exits, panics or is killed. Then it stops the server and removes the folder.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The password of the user `tester` for those who come over TCP; at the socket of the folder nobody is asked.
pub(crate) const PASSWORD: &str = "correct-horse";

/// Asks for nothing but what the Debian package brings. `$1` programs, `$2` folder, `$3` port.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
bin=$1 dir=$2 port=$3
as_user() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi
}
{
    echo "$4" > "$dir/password"
    if [ "$(id -u)" = 0 ]; then chown -R postgres "$dir"; fi
    cd "$dir"
    as_user "$bin/initdb" -D "$dir/data" -U tester --pwfile="$dir/password" --no-sync --no-instructions \
        --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C &&
    as_user "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 60 start -o "-p $port -k '$dir' \
        -h 127.0.0.1 -F -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=32MB"
} < /dev/null > "$dir/start.log" 2>&1 && echo ready || echo failed
cat > /dev/null
as_user "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop > /dev/null 2>&1
rm -rf "$dir"
"#;

/// A server that runs.
#[derive(Debug)]
pub(crate) struct PostgresServer {
    dir: PathBuf,
    port: u16,
    // Its open input is what keeps the server alive.
    _shell: Child,
}

impl PostgresServer {
    /// The server of this test program; `None`, having said so, where the package is not installed.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<PostgresServer>> = OnceLock::new();
        let server = SERVER.get_or_init(|| programs().map(|bin| Self::start(&bin))).as_ref();
        if server.is_none() {
            // Past the test harness, which would show it only where the test fails; at the beginning of a line.
            let _ = std::io::stderr().write_all(b"\nskipped: postgresql is not installed\n");
        }
        server
    }

    fn start(bin: &Path) -> Self {
        let mut said = String::new();
        for _ in 0..3 {
            let dir = tempfile::Builder::new().prefix("postgres-").tempdir().unwrap().keep();
            // Free now; somebody else may take it before the server does, hence the loop.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut shell = Command::new("sh")
                .args(["-c", SCRIPT, "sh"])
                .args([bin, &dir])
                .args([port.to_string().as_str(), PASSWORD])
                .process_group(0)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut answer = String::new();
            BufReader::new(shell.stdout.take().unwrap()).read_line(&mut answer).unwrap();
            if answer.trim() == "ready" {
                return Self { dir, port, _shell: shell };
            }
            said = std::fs::read_to_string(dir.join("start.log")).unwrap_or_default();
            shell.wait().unwrap(); // closes its input first, so it cleans up and ends
        }
        panic!("postgres does not start: {said}");
    }

    /// Its address at the socket, where no password is asked for.
    pub(crate) fn url(&self) -> String {
        format!("postgres://tester@localhost/postgres?host={}&port={}", self.dir.display(), self.port)
    }

    /// Its address on the network.
    pub(crate) fn tcp_url(&self, password: &str) -> String {
        format!("postgres://tester:{password}@127.0.0.1:{}/postgres", self.port)
    }
}

/// Where the newest server's programs are.
fn programs() -> Option<PathBuf> {
    let installed =
        std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|version| version.path().join("bin"));
    let version = |bin: &PathBuf| bin.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = installed.filter(|bin| bin.join("initdb").exists()).max_by_key(version)?;
    // As root it must become the package's user.
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let has_user = std::fs::read_to_string("/etc/passwd").is_ok_and(|users| users.contains("\npostgres:"));
    (!is_root || has_user).then_some(newest)
}
