//! Candles of many series in one run: side by side within the venue's limit, with one bar, and one market's fault is not all
//! markets'.

mod harvest;

use std::path::PathBuf;

use anyhow::Context;
use futures::{StreamExt, stream};
use market_backbone::{Backbone, CandleSet, Timeframe, Timestamp, file_stem};
use tokio::task::spawn_blocking;

use self::harvest::Harvest;
use super::board::Board;
use super::format;
use super::sheet::{Sheet, Style};
use crate::args::Candles;
use crate::output;

/// Fetches side by side: enough that the limit is what is waited for, few enough to hold their answers in memory.
const SIDE_BY_SIDE: usize = 8;

/// A series that is wanted.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) market: String,
    pub(super) timeframe: Timeframe,
    /// Whether it was named, and not only in a list: then it is a failure that it is not there.
    pub(super) is_named: bool,
}

pub(super) async fn run(
    args: &Candles,
    wishes: &[Wish],
    style: Style,
    backbone: &Backbone,
) -> anyhow::Result<()> {
    let to_stdout = args.output.is_none() && args.output_dir.is_none();
    let _reader = to_stdout.then(output::while_read).transpose()?;
    let board = Board::new(wishes.len());
    let answers = stream::iter(wishes.iter().enumerate()).map(|(index, wish)| {
        let request = super::request(&wish.market, wish.timeframe, args, backbone);
        let request = request.on_progress(board.seat(index));
        async move { (index, request.await) }
    });
    let mut answers = match &args.output_dir {
        Some(_) => answers.buffer_unordered(SIDE_BY_SIDE).left_stream(),
        // In the order in which they were named.
        None => answers.buffered(SIDE_BY_SIDE).right_stream(),
    };
    let mut shelf = Shelf::open(args, style)?;
    let mut harvest = Harvest::default();
    while let Some((index, answer)) = answers.next().await {
        board.leave(index);
        match answer {
            Ok(set) => {
                harvest.had(&set);
                shelf.put(set, backbone.now()).await?;
            }
            Err(error) => harvest.missed(&wishes[index], error, &board)?,
        }
    }
    board.clear();
    harvest.anything()?;
    shelf.finish()?;
    super::warn_of_unkept(harvest.unkept.as_ref());
    if let Some(place) = args.output_dir.as_ref().or(args.output.as_ref()) {
        output::note(&harvest.tell(place));
    }
    if args.stats {
        output::keep_summary(harvest.stats(&backbone.metrics()).to_string());
    }
    harvest.all()
}

/// Where answers go.
enum Shelf {
    /// A file for each.
    Folder(PathBuf, Style),
    One(Sheet),
}

impl Shelf {
    fn open(args: &Candles, style: Style) -> anyhow::Result<Self> {
        let Some(folder) = &args.output_dir else {
            return Ok(Self::One(Sheet::open(style, args.output.as_deref())?));
        };
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self::Folder(folder.clone(), style))
    }

    /// Keeps an answer that was given at `now`. A file of its own is there, whole, when this is done.
    async fn put(&mut self, set: CandleSet, now: Timestamp) -> anyhow::Result<()> {
        match self {
            Self::One(sheet) => sheet.add(&set, now),
            Self::Folder(folder, style) => {
                let (name, ending) = (file_stem(&set.series), format::ending(style.format));
                let (file, style) = (folder.join(format!("{name}.{ending}")), *style);
                // It waits for the disk, and others are being fetched meanwhile.
                let written = spawn_blocking(move || {
                    let mut sheet = Sheet::open(style, Some(&file))?;
                    sheet.add(&set, now)?;
                    sheet.finish()
                });
                written.await.context("the task that writes a file was cut off")?
            }
        }
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::One(sheet) => sheet.finish(),
            Self::Folder(..) => Ok(()),
        }
    }
}
