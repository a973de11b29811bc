//! A real Postgres for the tests: started once for each test program, gone with it however it ends.
//!
//! A shell stands between: it starts the server, says so, and does what it reads, until the end of its input, which comes
//! when the test program exits, panics or is killed. Then it stops the server and removes the folder.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

/// The password of the user `tester` for those who come over TCP; at the socket of the folder nobody is asked.
pub(crate) const PASSWORD: &str = "correct-horse";

/// Asks for nothing but what the Debian package brings. `$1` programs, `$2` folder, `$3` port, `$4` password, `$5` most
/// connections.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
bin=$1 dir=$2 port=$3 most=$5
as_user() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi
}
control() { as_user "$bin/pg_ctl" -D "$dir/data" "$@"; }
begin() {
    control -l "$dir/server.log" -w -t 60 start -o "-p $port -k '$dir' -c max_connections=$most \
        -h 127.0.0.1 -F -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=32MB"
}
send() {
    # One that has ended meanwhile needs nothing.
    for process in $(everyone); do kill -"$1" "$process" || [ ! -d "/proc/$process" ] || return 1; done
}
everyone() {
    pid=$(head -n 1 "$dir/data/postmaster.pid")
    for process in /proc/[0-9]*; do
        while read -r key value; do
            if [ "$key" = PPid: ] && [ "$value" = "$pid" ]; then echo "${process#/proc/}"; fi
        done < "$process/status"
    done 2> /dev/null
    echo "$pid"
}
{
    echo "$4" > "$dir/password"
    if [ "$(id -u)" = 0 ]; then chown -R postgres "$dir"; fi
    cd "$dir"
    as_user "$bin/initdb" -D "$dir/data" -U tester --pwfile="$dir/password" --no-sync --no-instructions \
        --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C &&
    begin
} < /dev/null > "$dir/start.log" 2>&1 && echo ready || echo failed
while read -r what; do
    {
        case $what in
            stop) control -m fast -w stop ;;
            start) begin ;;
            stall) send STOP && send STOP ;; # some may have been born, or have died, in between
            resume) send CONT ;;
        esac
    } < /dev/null > "$dir/control.log" 2>&1 && echo done || echo failed
done
send CONT > /dev/null 2>&1
control -m immediate -w stop > /dev/null 2>&1
rm -rf "$dir"
"#;

/// A server that runs.
#[derive(Debug)]
pub(crate) struct PostgresServer {
    dir: PathBuf,
    bin: PathBuf,
    port: u16,
    /// Its open input is what keeps the server alive.
    shell: Mutex<Shell>,
}

#[derive(Debug)]
struct Shell {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl PostgresServer {
    /// The server of this test program; `None`, having said so, where the package is not installed.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<PostgresServer>> = OnceLock::new();
        let server = SERVER.get_or_init(|| programs().map(|bin| Self::start(&bin, 100))).as_ref();
        if server.is_none() {
            note_skipping();
        }
        server
    }

    /// A server of its own for a test that stops it, or needs all of its so many connections; gone with the test.
    pub(crate) fn own(connections: u32) -> Option<Self> {
        let server = programs().map(|bin| Self::start(&bin, connections));
        if server.is_none() {
            note_skipping();
        }
        server
    }

    /// Stops it, and returns when nobody listens any more.
    pub(crate) fn stop(&self) {
        self.send("stop");
    }

    /// Starts it again at its old address, and returns when it lets clients in.
    pub(crate) fn start_again(&self) {
        self.send("start");
    }

    /// Stops all of its processes: no request is answered.
    pub(crate) fn stall(&self) {
        self.send("stall");
    }

    /// Lets its processes run again.
    pub(crate) fn resume(&self) {
        self.send("resume");
    }

    fn send(&self, what: &str) {
        let mut shell = self.shell.lock().unwrap();
        writeln!(shell.child.stdin.as_mut().unwrap(), "{what}").unwrap();
        let mut answer = String::new();
        shell.said.read_line(&mut answer).unwrap();
        let log = std::fs::read_to_string(self.dir.join("control.log")).unwrap_or_default();
        assert_eq!(answer.trim(), "done", "{what}: {log}");
    }

    /// Does something to the tables, as somebody at its console would; what it says.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "tester", "-d", "postgres", "-h"]);
        psql.arg(&self.dir).args(["-p", &self.port.to_string(), "-c", sql]);
        let said = psql.output().unwrap();
        assert!(said.status.success(), "{sql}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    }

    fn start(bin: &Path, connections: u32) -> Self {
        let mut said = String::new();
        for _ in 0..3 {
            let dir = tempfile::Builder::new().prefix("postgres-").tempdir().unwrap().keep();
            // Free now; somebody else may take it before the server does, hence the loop.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut child = Command::new("sh")
                .args(["-c", SCRIPT, "sh"])
                .args([bin, &dir])
                .args([port.to_string().as_str(), PASSWORD, &connections.to_string()])
                .process_group(0)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut answer = String::new();
            let mut reader = BufReader::new(child.stdout.take().unwrap());
            reader.read_line(&mut answer).unwrap();
            if answer.trim() == "ready" {
                let (bin, shell) = (bin.to_owned(), Mutex::new(Shell { child, said: reader }));
                return Self { dir, bin, port, shell };
            }
            said = std::fs::read_to_string(dir.join("start.log")).unwrap_or_default();
            child.wait().unwrap(); // closes its input first, so it cleans up and ends
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

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let shell = self.shell.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        drop(shell.child.stdin.take());
        let _ = shell.child.wait(); // it stops the server and removes the folder
    }
}

/// Past the test harness, which would show it only where the test fails; at the beginning of a line.
fn note_skipping() {
    let _ = std::io::stderr().write_all(b"\nskipped: postgresql is not installed\n");
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
