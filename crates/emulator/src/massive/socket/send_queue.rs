//! What waits to be sent, so that a client that does not read holds nothing up but itself.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use futures::{Sink, SinkExt as _};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Messages on their way out, at most so many bytes of them.
#[derive(Debug)]
pub(crate) struct SendQueue {
    waiting: VecDeque<Message>,
    bytes: usize,
    most: usize,
    /// Something was handed over, or answered by itself, and may not have left yet.
    dirty: bool,
}

impl SendQueue {
    pub(crate) const fn new(most: usize) -> Self {
        Self { waiting: VecDeque::new(), bytes: 0, most, dirty: false }
    }

    /// Adds a message; false if the client is so slow that there is no room.
    pub(crate) fn push(&mut self, message: Message) -> bool {
        let bytes = self.bytes + message.len();
        if bytes > self.most && !self.waiting.is_empty() {
            return false;
        }
        self.bytes = bytes;
        self.waiting.push_back(message);
        true
    }

    /// Forgets what has not been handed over.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.bytes = 0;
    }

    /// A pong waits to be flushed.
    pub(crate) const fn mark_dirty(&mut self) {
        self.dirty = true;
    }

    pub(crate) fn has_work(&self) -> bool {
        self.dirty || !self.waiting.is_empty()
    }

    /// Sends all that waits. Dropped halfway, it loses nothing: what is left stays here.
    pub(crate) async fn send<S>(&mut self, sink: &mut S) -> Result<(), Error>
    where
        S: Sink<Message, Error = Error> + Unpin,
    {
        poll_fn(|cx| self.poll_send(cx, sink)).await
    }

    fn poll_send<S>(&mut self, cx: &mut Context<'_>, sink: &mut S) -> Poll<Result<(), Error>>
    where
        S: Sink<Message, Error = Error> + Unpin,
    {
        while !self.waiting.is_empty() {
            ready!(sink.poll_ready_unpin(cx))?;
            if let Some(message) = self.waiting.pop_front() {
                self.bytes -= message.len();
                self.dirty = true;
                sink.start_send_unpin(message)?;
            }
        }
        ready!(sink.poll_flush_unpin(cx))?;
        self.dirty = false;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_box_takes_no_more() {
        let mut outbox = SendQueue::new(10);
        assert!(outbox.push(Message::text("12345678")));
        assert!(!outbox.push(Message::text("123")));
        assert!(outbox.push(Message::text("12")));
        outbox.clear();
        assert!(outbox.push(Message::text("longer than it may be")), "a single one always fits");
    }
}
