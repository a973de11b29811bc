//! A stream written as a function: the function emits pieces, and runs only while the stream is polled.

use std::future::{Future, ready};

use futures::channel::mpsc;
use futures::{FutureExt, SinkExt, StreamExt, stream};
use market_backbone_core::{CandlePart, PartStream, SourceError, SourceErrorKind};

/// The sink for the pieces of a stream.
#[derive(Debug)]
pub(crate) struct Emitter(mpsc::Sender<Result<CandlePart, SourceError>>);

impl Emitter {
    /// Emits a piece, and waits until there is room for another.
    pub(crate) async fn emit(&mut self, part: CandlePart) -> Result<(), SourceError> {
        let gone = |_| SourceError::new(SourceErrorKind::Closed, "the reader of the candles is gone");
        self.0.send(Ok(part)).await.map_err(gone)
    }
}

/// Returns the stream of the pieces that `work` emits, and of its error, if it ends with one.
pub(crate) fn stream<F, Work>(work: F) -> PartStream
where
    F: FnOnce(Emitter) -> Work + Send + 'static,
    Work: Future<Output = Result<(), SourceError>> + Send + 'static,
{
    // At most one piece waits: then the function is not polled until the piece has been taken.
    let (sender, receiver) = mpsc::channel(0);
    let mut last = sender.clone();
    let run = async move {
        if let Err(error) = work(Emitter(sender)).await {
            // The error goes through the same channel as the pieces, so that it cannot overtake them.
            let _ = last.send(Err(error)).await;
        }
    };
    let nothing = run.into_stream().filter_map(|()| ready(None));
    stream::select(receiver, nothing).boxed()
}
