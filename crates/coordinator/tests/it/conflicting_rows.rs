//! Two rows of one slot that differ: neither is accepted, also where a page ends between them.

use market_backbone_core::Slot;

use crate::venue::{House, Model, last, minute, range, thin, this_minute};

#[tokio::test(start_paused = true)]
async fn where_a_full_page_ends_between_two_rows_of_a_slot_neither_is_believed() {
    let tape: Vec<_> = thin(this_minute() - 30_000..=this_minute() - 1, 4, 1).collect();
    for back in 195..=205 {
        let twin = tape[tape.len() - back];
        for query in [last(600).closed(), range(this_minute() - 20_000, this_minute()).closed()] {
            let house = House::new(Model::new(tape.iter().copied()).with_twins([twin]));
            let set = house.ask(query.clone()).await.unwrap();
            assert_eq!(set.slot(minute(twin)), Slot::Unknown, "row {back}");
            if query == last(600).closed() {
                assert_eq!(set.candles.len(), 600, "another one takes its place");
            }
            let is_named = set.rejected.iter().any(|row| row.slot == Some(minute(twin)));
            assert!(is_named, "row {back} is named: {:?}", set.rejected);
            let before = tape[tape.len() - back - 1];
            assert!(matches!(set.slot(minute(before)), Slot::Present(_)), "and its neighbour is there");
            let most = set.candles.len() / 199 + 3;
            assert!(house.requests() <= most, "{} > {most}", house.requests());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_some_slots_lack_a_row_the_pages_side_by_side_show_what_the_others_cut_off() {
    let tape: Vec<_> = thin(this_minute() - 5_000..=this_minute() - 1, 97, 1).collect();
    for back in (150..1_000).step_by(7) {
        let twin = tape[tape.len() - back];
        let house = House::new(Model::new(tape.iter().copied()).with_twins([twin]));
        let set = house.ask(range(this_minute() - 1_500, this_minute()).closed()).await.unwrap();
        assert_eq!(set.slot(minute(twin)), Slot::Unknown, "row {back}");
    }
}
