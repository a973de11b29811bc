//! The queue of outgoing messages, so that a client that does not read blocks only itself.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use futures::{Sink, SinkExt as _};
use tokio_tungstenite::tungstenite::{Error, Message};

/// A queue of outgoing messages, bounded in bytes.
#[derive(Debug)]
pub(crate) struct SendQueue {
    waiting: VecDeque<Message>,
    bytes: usize,
    most: usize,
    /// True if something was written, or answered automatically, and may not have been flushed yet.
    dirty: bool,
}

impl SendQueue {
    pub(crate) const fn new(most: usize) -> Self {
        Self { waiting: VecDeque::new(), bytes: 0, most, dirty: false }
    }

    /// Adds a message; returns false if the client is so slow that there is no room.
    pub(crate) fn push(&mut self, message: Message) -> bool {
        let bytes = self.bytes + message.len();
        if bytes > self.most && !self.waiting.is_empty() {
            return false;
        }
        self.bytes = bytes;
        self.waiting.push_back(message);
        true
    }

    /// Discards what has not been written.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.bytes = 0;
    }

    /// Records that a pong waits to be flushed.
    pub(crate) const fn mark_dirty(&mut self) {
        self.dirty = true;
    }

    pub(crate) fn has_work(&self) -> bool {
        self.dirty || !self.waiting.is_empty()
    }

    /// Sends all queued messages. Dropped halfway, it loses nothing: the rest stays queued.
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
