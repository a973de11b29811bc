//! A scripted server for tests: HTTP answers in order, and a socket that sends what it is told to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The venue's time unless the script says otherwise: that of the tests' clocks.
const DATE: &str = "Mon, 03 Aug 2026 10:40:30 GMT";

/// One answer of the script.
#[derive(Clone, Debug)]
pub(crate) struct Scripted {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    /// Answer only after this long.
    pub(crate) after: Duration,
    /// Promise a longer body and close the connection in the middle.
    pub(crate) cut: bool,
}

impl Scripted {
    pub(crate) fn new(status: u16, body: &str) -> Self {
        let (headers, body) = (Vec::new(), body.to_owned());
        Self { status, headers, body, after: Duration::ZERO, cut: false }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

#[derive(Debug)]
struct Script {
    next: Mutex<VecDeque<Scripted>>,
    otherwise: Mutex<Scripted>,
    asked: Mutex<Vec<String>>,
    arrivals: Mutex<Vec<Instant>>,
    /// The frames for each new subscriber.
    first_frames: Mutex<Vec<String>>,
    /// The messages that the socket received.
    received: Mutex<Vec<String>>,
    /// True to close all sockets and refuse new ones.
    sick: watch::Sender<bool>,
}

/// A running server; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    script: Arc<Script>,
    _task: JoinSet<()>,
}

impl Server {
    /// Starts a server that answers everything with `otherwise`, once the script is at its end.
    pub(crate) async fn start(otherwise: Scripted) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Script {
            next: Mutex::default(),
            otherwise: Mutex::new(otherwise),
            asked: Mutex::default(),
            arrivals: Mutex::default(),
            first_frames: Mutex::default(),
            received: Mutex::default(),
            sick: watch::Sender::default(),
        });
        let app =
            Router::new().route("/socket", get(socket)).fallback(answer).with_state(Arc::clone(&script));
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, script, _task: task }
    }

    /// Answers the next request so, in the order given.
    pub(crate) fn then(&self, answers: impl IntoIterator<Item = Scripted>) {
        self.script.next.lock().unwrap().extend(answers);
    }

    pub(crate) fn otherwise(&self, answer: Scripted) {
        *self.script.otherwise.lock().unwrap() = answer;
    }

    /// Sends these frames to each subscriber from now on.
    pub(crate) fn greet_with(&self, frames: impl IntoIterator<Item = String>) {
        *self.script.first_frames.lock().unwrap() = frames.into_iter().collect();
    }

    /// Closes all sockets and refuses new ones, or accepts them again.
    pub(crate) fn sick(&self, sick: bool) {
        self.script.sick.send_replace(sick);
    }

    /// Returns the last message that the socket received.
    pub(crate) fn last_message(&self) -> String {
        self.script.received.lock().unwrap().last().cloned().unwrap_or_default()
    }

    /// Path and query of each request so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.script.asked.lock().unwrap().clone()
    }

    /// When each request came.
    pub(crate) fn arrivals(&self) -> Vec<Instant> {
        self.script.arrivals.lock().unwrap().clone()
    }
}

async fn answer(State(script): State<Arc<Script>>, request: Request) -> Response<Body> {
    script.asked.lock().unwrap().push(request.uri().to_string());
    script.arrivals.lock().unwrap().push(Instant::now());
    let scripted = script.next.lock().unwrap().pop_front();
    let scripted = scripted.unwrap_or_else(|| script.otherwise.lock().unwrap().clone());
    tokio::time::sleep(scripted.after).await;
    let mut response = Response::builder().status(StatusCode::from_u16(scripted.status).unwrap());
    if scripted.headers.iter().all(|(name, _)| *name != "date") {
        response = response.header("date", DATE);
    }
    for (name, value) in &scripted.headers {
        response = response.header(*name, value);
    }
    let body = if scripted.cut {
        let parts = [Ok(scripted.body), Err(std::io::Error::other("cut"))];
        Body::from_stream(futures::stream::iter(parts))
    } else {
        Body::from(scripted.body)
    };
    response.body(body).unwrap()
}

async fn socket(State(script): State<Arc<Script>>, upgrade: WebSocketUpgrade) -> Response<Body> {
    if *script.sick.borrow() {
        return Response::builder().status(503).body(Body::empty()).unwrap();
    }
    let mut response = upgrade.on_upgrade(move |socket| async move {
        let mut sick = script.sick.subscribe();
        tokio::select! {
            _ = sick.wait_for(|sick| *sick) => {}
            () = converse(socket, Arc::clone(&script)) => {}
        }
    });
    response.headers_mut().insert("date", HeaderValue::from_static(DATE));
    response
}

async fn converse(mut socket: WebSocket, script: Arc<Script>) {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        script.received.lock().unwrap().push(text.to_string());
        let first_frames = script.first_frames.lock().unwrap().clone();
        for frame in first_frames {
            if socket.send(Message::Text(frame.into())).await.is_err() {
                return;
            }
        }
    }
}
