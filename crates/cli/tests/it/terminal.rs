//! On a terminal there are colours and thousands separators; in a pipe there are neither.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tempfile::tempdir;

use crate::run::Venue;

/// The stream of a command that is a terminal; what it writes to the other one goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TerminalStream {
    Stdout,
    Stderr,
}

/// What the command writes to a terminal, once it has ended well.
pub(crate) fn on_terminal(mut command: Command, stream: TerminalStream) -> String {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap();
    let terminal = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    match stream {
        TerminalStream::Stdout => command.stdout(Stdio::from(terminal)).stderr(Stdio::null()),
        TerminalStream::Stderr => command.stderr(Stdio::from(terminal)).stdout(Stdio::null()),
    };
    let mut child = command.spawn().unwrap();
    drop(command); // it holds the terminal's other end
    let (mut reader, mut shown) = (File::from(controller), Vec::new());
    // A terminal whose last writer has gone ends with an error.
    match reader.read_to_end(&mut shown) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.raw_os_error(), Some(5), "{error}: {:?}", ErrorKind::Other),
    }
    let shown = String::from_utf8(shown).unwrap();
    assert!(child.wait().unwrap().success(), "{shown}");
    shown
}

#[test]
fn a_terminal_gets_colours_and_separators_and_a_pipe_gets_neither() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    let ticker = || {
        let mut command = venue.command(data.path(), &["ticker", "KRW-BTC"]);
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
        command
    };
    let shown = on_terminal(ticker(), TerminalStream::Stdout);
    assert!(shown.contains("\u{1b}["), "colours: {shown:?}");
    let has_separator = |text: &str| {
        let digits = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.split(',').skip(1).any(|rest| rest.get(..3).is_some_and(digits))
    };
    assert!(has_separator(&shown), "{shown:?}");
    let mut plain = ticker();
    plain.env("NO_COLOR", "1");
    let plain = on_terminal(plain, TerminalStream::Stdout);
    assert!(!plain.contains('\u{1b}') && has_separator(&plain), "{plain:?}");
    let piped = venue.run(data.path(), &["ticker", "KRW-BTC"]);
    assert!(!piped.stdout.contains('\u{1b}') && !has_separator(&piped.stdout), "{piped:?}");
    venue.stop();
}
