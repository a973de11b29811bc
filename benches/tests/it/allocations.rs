//! In steady state a message costs no allocation, from its bytes to a reader's hands.

use market_backbone_benches::{Frames, Kind, LiveRig};
use market_backbone_core::Delivery;

const FRAMES: usize = 1_000;

/// Allocations while the reader reads a round of frames of `kind`, once everything has found its size.
fn allocations(kind: Kind, delivery: Delivery) -> u64 {
    let mut frames = Frames::made(kind, FRAMES);
    let mut rig = LiveRig::new(&frames, kind);
    let mut reader = rig.reader(delivery);
    for _ in 0..3 {
        frames.move_on();
        rig.round(&frames, &mut reader);
    }
    frames.move_on();
    let mut read = 0;
    let count = allocation_counter::measure(|| read = rig.round(&frames, &mut reader));
    match delivery {
        Delivery::Buffered { .. } => assert_eq!(read, FRAMES, "{kind:?}"),
        Delivery::Conflated => assert!(read > 0, "{kind:?}"),
    }
    count.count_total
}

#[test]
fn an_allocation_would_be_counted() {
    assert_eq!(allocation_counter::measure(|| drop(Box::new([0_u8; 64]))).count_total, 1);
}

#[test]
fn a_message_costs_no_allocation() {
    for delivery in [Delivery::default(), Delivery::Conflated] {
        for kind in [Kind::Trade, Kind::Ticker, Kind::Book] {
            assert_eq!(allocations(kind, delivery), 0, "{kind:?} {delivery:?}");
        }
    }
}
