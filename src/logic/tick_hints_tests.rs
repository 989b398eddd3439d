//! Hints in orders of rises, looks, faults and time, against the truth; and one by hand.

use proptest::prelude::*;

use super::tick_hints::{HINT_STEP_MS, TickHints};
use crate::model::{Seq, Ticks};

fn ticks(delivered: u64, read: u64) -> Ticks {
    Ticks { delivered: Seq(delivered), read: Seq(read) }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    /// The truth rises, and says so; it may also fall, as when a device ends.
    Delivered(u8),
    Read(u8),
    Falls,
    /// A read that was begun sees the truth now; until then it may see anything since it began.
    Look,
    /// It comes back, or fails.
    Comes,
    Fails,
    /// The connection takes nothing, or takes again.
    Lags(bool),
    Passes(u16),
    Asks,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (1u8..5).prop_map(Event::Delivered),
        3 => (1u8..5).prop_map(Event::Read),
        1 => Just(Event::Falls),
        4 => Just(Event::Look),
        6 => Just(Event::Comes),
        1 => Just(Event::Fails),
        1 => any::<bool>().prop_map(Event::Lags),
        6 => (0u16..1500).prop_map(Event::Passes),
        1 => Just(Event::Asks),
    ]
}

/// One connection, the truth, and a reader that takes its time.
struct World {
    hints: TickHints,
    truth: Ticks,
    /// What was told, answers and hints together: what its client shows.
    shown: Ticks,
    hinted: Vec<(u64, Ticks)>,
    now_ms: u64,
    /// A look that was begun, and what it will say.
    look: Option<Ticks>,
    lags: bool,
}

impl World {
    fn new() -> World {
        World {
            hints: TickHints::after(Ticks::default()),
            truth: Ticks::default(),
            shown: Ticks::default(),
            hinted: Vec::new(),
            now_ms: 10_000,
            look: None,
            lags: false,
        }
    }

    fn looks(&mut self) {
        if !self.hints.begins_look(self.now_ms) {
            return;
        }
        assert!(self.look.is_none(), "one look at a time");
        if self.lags {
            self.hints.put_off(self.now_ms);
        } else {
            self.look = Some(self.truth);
        }
    }

    fn comes(&mut self) {
        let Some(found) = self.look.take() else { return };
        let Some(raised) = self.hints.found(self.now_ms, found) else { return };
        if self.lags {
            self.hints.put_off(self.now_ms);
            return;
        }
        self.hints.told(raised);
        self.hinted.push((self.now_ms, raised));
        self.shown = raised;
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Delivered(by) => self.truth.delivered.0 += u64::from(by),
            Event::Read(by) => self.truth.read.0 += u64::from(by),
            Event::Falls => self.truth.delivered.0 /= 2,
            Event::Look => self.look = self.look.map(|_| self.truth),
            Event::Comes => self.comes(),
            Event::Fails if self.look.take().is_some() => self.hints.put_off(self.now_ms),
            Event::Fails => {}
            Event::Lags(lags) => self.lags = lags,
            Event::Passes(ms) => self.now_ms += u64::from(ms),
            Event::Asks => {
                self.hints.answered(self.truth);
                self.shown = self.shown.raised_to(self.truth);
            }
        }
        if matches!(event, Event::Delivered(_) | Event::Read(_)) {
            self.hints.rose();
        }
        self.looks();
    }

    /// Nothing more happens but what was begun.
    fn rest(&mut self) {
        self.lags = false;
        for _ in 0..8 {
            self.comes();
            self.now_ms = self.hints.due_at().unwrap_or_default().max(self.now_ms);
            self.looks();
        }
        assert_eq!((self.hints.due_at(), self.look), (None, None), "it comes to rest");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_last_hint_says_what_is_so_none_falls_and_none_comes_too_soon(
        events in prop::collection::vec(event(), 0..60)
    ) {
        let mut world = World::new();
        let mut highest = Ticks::default();
        for event in events {
            world.apply(event);
            highest = highest.raised_to(world.truth);
            prop_assert_eq!(world.shown.raised_to(highest), highest, "nothing is told that never was");
        }
        world.rest();
        // What fell again before anybody looked need not be told; what is so now is.
        prop_assert_eq!(world.shown, world.shown.raised_to(world.truth));
        for pair in world.hinted.windows(2) {
            let [(before_ms, before), (after_ms, after)] = [pair[0], pair[1]];
            prop_assert!(after_ms - before_ms >= HINT_STEP_MS, "two hints within {} ms", after_ms - before_ms);
            prop_assert!(after != before && after.raised_to(before) == after, "a hint raises");
        }
    }
}

#[test]
fn what_rises_within_a_step_is_one_hint_at_its_end() {
    let mut hints = TickHints::after(ticks(4, 0));
    assert!(hints.begins_look(0));
    assert_eq!(hints.found(3, ticks(5, 0)), Some(ticks(5, 0)));
    hints.told(ticks(5, 0));
    assert_eq!(hints.due_at(), None);
    (0..9).for_each(|_| hints.rose());
    assert_eq!(hints.due_at(), Some(1_003));
    assert!(!hints.begins_look(1_002) && hints.begins_look(1_003));
    hints.rose();
    assert!(!hints.begins_look(9_000), "one look at a time");
    assert_eq!(hints.found(1_005, ticks(4, 7)), Some(ticks(5, 7)), "nothing falls");
    hints.told(ticks(5, 7));
    assert_eq!(hints.due_at(), Some(2_005), "what rose under the look is looked for");
    assert!(hints.begins_look(2_005));
    assert_eq!(hints.found(2_006, ticks(5, 7)), None, "nothing new, no hint");
    assert_eq!(hints.due_at(), None);
}
