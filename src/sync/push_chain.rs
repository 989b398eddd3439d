//! The push chain of one lineage on its newest connection: how far it was given, and whether more may be said unasked.
//!
//! A push is everything of kind messages above what was given last, and names that as its base. The first one that is not
//! delivered ends pushing; from then on the client is only told that it is time to look, once, until it has synced.

use bytes::Bytes;
use highwater_wire::{base_of, proto};

use super::{
    kinds::MESSAGES,
    marks::{Marks, RunName},
};
use crate::model::{
    Follow, Version,
    seeded::{self, SyncBug},
};

/// The newest snapshot given, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Sealed.
    pub snapshot: Bytes,
    /// Opened.
    pub marks: Marks,
}

/// What has to happen before the server may push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pushing {
    /// The client has to sync to the end.
    Closed,
    /// A sync is being answered; `news` came meanwhile.
    Syncing { news: bool },
    /// Nothing: the client has, or is being given, everything through the issued marks.
    Open,
    /// The client was told that it is time to look.
    Nudged,
    /// What was said last did not fit the connection's bound: its bytes have to drain.
    Lagging,
}

/// Channels of one user whose posts are looked for when something is pushed. Who has something of more is nudged.
/// Source: each is looked at for each push; about 100 bytes of each connection.
const PUSH_FOLLOWS_MAX: usize = 16;

/// The channels that a page merged the inbox with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Followed {
    /// What the user follows, or did.
    pub follows: Vec<Follow>,
    /// It has every change of that through this version.
    pub through: Version,
}

/// What news mean for a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Nothing is said: it will be looked for anyway.
    Nothing,
    /// The client is told that it is time to look.
    Nudge,
    /// Everything of kind messages above this mark is pushed, if it is at hand without a gap; else it is a nudge.
    PushAbove(Version),
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushChain {
    issued: Option<Issued>,
    pushing: Pushing,
    /// What the newest page was merged with, or nothing where that is too much to be looked at for each push.
    followed: Option<Followed>,
}

impl Default for PushChain {
    fn default() -> PushChain {
        PushChain { issued: None, pushing: Pushing::Closed, followed: Some(Followed::default()) }
    }
}

impl PushChain {
    /// What was given last.
    #[must_use]
    pub fn issued(&self) -> Option<&Issued> {
        self.issued.as_ref()
    }

    /// Something durable is new. `items`: a state kind is among it, and those are fetched; `may_push`: the client takes
    /// pushes, and declares messages.
    #[must_use]
    pub fn news(&self, items: bool, may_push: bool) -> News {
        match (self.pushing, &self.issued) {
            (Pushing::Nudged | Pushing::Lagging, _) => News::Nothing,
            (Pushing::Open, Some(issued)) if may_push && !items && self.followed.is_some() => {
                News::PushAbove(issued.marks.of(MESSAGES))
            }
            _ => News::Nudge,
        }
    }

    /// The marks after a push of everything through `last`.
    ///
    /// # Panics
    /// When there is nothing that a push could continue; [`PushChain::news`] says so before.
    #[must_use]
    pub fn marks_after(&self, last: Version, current: RunName) -> Marks {
        let mut marks = self.issued.as_ref().expect("a push continues what was given").marks;
        marks.raise(MESSAGES, last);
        marks.run = current;
        marks
    }

    /// Base of the page of a push: it continues what was given last.
    #[must_use]
    pub fn base(&self) -> &[u8] {
        base_of(self.issued.as_ref().map_or(&[][..], |issued| &issued.snapshot))
    }

    /// The page of a push.
    #[must_use]
    pub fn push_page(&self, snapshot: &Bytes, entries: Vec<proto::Entry>) -> proto::Page {
        proto::Page {
            base: Bytes::copy_from_slice(self.base()),
            snapshot: snapshot.clone(),
            entries,
            ..proto::Page::default()
        }
    }

    /// A push is on its way.
    pub fn pushed(&mut self, issued: Issued) {
        self.issued = Some(issued);
    }

    /// What was to be said did not fit: a push, which is told later by a page, or a nudge. Nothing more is said before the
    /// connection has drained.
    pub fn dropped(&mut self, push: Option<&Issued>) {
        if let (Some(issued), Some(push), true) =
            (&mut self.issued, push, seeded::is(SyncBug::PushCoversDropped))
        {
            issued.marks = push.marks;
            return;
        }
        self.pushing = Pushing::Lagging;
    }

    /// What a snapshot that was handed back says, if it is the newest that was given.
    #[must_use]
    pub fn marks_of(&self, handed: &[u8]) -> Option<Marks> {
        let is_newest =
            |issued: &&Issued| issued.snapshot == handed || seeded::is(SyncBug::MarksRaisedByPush);
        self.issued.as_ref().filter(is_newest).map(|issued| issued.marks)
    }

    /// Whether a nudge has to be sent now; one that cannot be sent now is remembered.
    #[must_use]
    pub fn wants_nudge(&mut self) -> bool {
        match self.pushing {
            Pushing::Open | Pushing::Closed => true,
            Pushing::Syncing { .. } => {
                self.pushing = Pushing::Syncing { news: !seeded::is(SyncBug::DroppedWithoutNudge) };
                false
            }
            Pushing::Nudged | Pushing::Lagging => false,
        }
    }

    /// A nudge is on its way: nothing more is said until the client looks.
    pub fn nudged(&mut self) {
        self.pushing = Pushing::Nudged;
    }

    /// A sync begins to be answered: from here on news are noted, so that none is missed while the page is read. False
    /// when one is being answered already.
    pub fn sync_begins(&mut self) -> bool {
        if matches!(self.pushing, Pushing::Syncing { .. }) {
            return false;
        }
        self.pushing = Pushing::Syncing { news: false };
        true
    }

    /// Its page was read. True when news came meanwhile that have to be told now.
    #[must_use]
    pub fn page_given(&mut self, issued: Issued, more: bool) -> bool {
        let news = self.pushing == Pushing::Syncing { news: true };
        self.pushing = if more { Pushing::Closed } else { Pushing::Open };
        self.issued = Some(issued);
        news && !more
    }

    /// The page that was given merged the inbox with these channels: a push has to have their posts, too. Who begins to
    /// follow one more, or ends it, is told so by a state kind, and so by a page, before what is posted then.
    pub fn page_was_merged(&mut self, followed: Followed) {
        self.followed = Some(followed).filter(|followed| followed.follows.len() <= PUSH_FOLLOWS_MAX);
    }

    /// Whether what it knows of follows still holds, when the newest change of what is followed has this version; 0 for none.
    #[must_use]
    pub fn knows_follows(&self, changed_at: Version) -> bool {
        self.followed.as_ref().is_some_and(|followed| changed_at <= followed.through)
    }

    /// What a push has to have besides the inbox.
    #[must_use]
    pub fn follows(&self) -> &[Follow] {
        self.followed.as_ref().map_or(&[], |followed| &followed.follows)
    }

    /// Whether its client follows channels and waits for news: then a look at the store says whether it lacks any.
    #[must_use]
    pub fn waits_for_posts(&self) -> bool {
        let follows_any = self.followed.as_ref().is_none_or(|followed| !followed.follows.is_empty());
        self.pushing == Pushing::Open && follows_any
    }

    /// Whether it waits for news and lacks something of kind messages, when the newest has this version.
    #[must_use]
    pub fn lacks(&self, head: Version) -> bool {
        let issued = self.issued.as_ref().map(|issued| issued.marks.of(MESSAGES));
        self.pushing == Pushing::Open && issued.is_some_and(|mark| mark < head)
    }

    /// Its page could not be read.
    pub fn page_failed(&mut self) {
        self.pushing = Pushing::Closed;
    }

    /// Whether a heartbeat with this snapshot shows that the client lacks something that it was given.
    #[must_use]
    pub fn shows_a_loss(&self, handed: &[u8]) -> bool {
        let behind = self.issued.as_ref().is_none_or(|issued| issued.snapshot != handed);
        behind && !handed.is_empty() && matches!(self.pushing, Pushing::Open | Pushing::Closed)
    }

    /// Whether it waits for its connection to drain.
    #[must_use]
    pub fn is_lagging(&self) -> bool {
        self.pushing == Pushing::Lagging
    }

    /// Its connection has drained: a nudge lets the client catch up from its marks.
    pub fn drained(&mut self) {
        if self.is_lagging() {
            self.pushing = Pushing::Closed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issued(mark: u64) -> Issued {
        let marks = Marks::fresh(1, RunName::default(), Version(mark));
        Issued { snapshot: Bytes::from(vec![mark as u8; 20]), marks }
    }

    fn follow() -> Follow {
        Follow {
            user: crate::model::UserId(1),
            channel: crate::model::ConversationId(2),
            intervals: Vec::new(),
        }
    }

    /// A chain whose client has synced to the end, through version 5.
    fn open() -> PushChain {
        let mut chain = PushChain::default();
        assert!(chain.sync_begins());
        assert!(!chain.page_given(issued(5), false));
        chain
    }

    #[test]
    fn before_the_first_sync_there_is_one_nudge() {
        let mut chain = PushChain::default();
        assert_eq!(chain.news(false, true), News::Nudge);
        assert!(chain.wants_nudge());
        chain.nudged();
        assert_eq!(chain.news(false, true), News::Nothing);
        assert!(!chain.wants_nudge());
    }

    #[test]
    fn each_push_continues_the_one_before() {
        let mut chain = open();
        assert_eq!(chain.news(false, true), News::PushAbove(Version(5)));
        let marks = chain.marks_after(Version(9), RunName::default());
        let next = Issued { snapshot: Bytes::from_static(&[9; 20]), marks };
        let page = chain.push_page(&next.snapshot, Vec::new());
        assert_eq!((page.base.as_ref(), page.snapshot.as_ref()), (&[5; 8][..], &[9; 20][..]));
        chain.pushed(next);
        assert_eq!(chain.news(false, true), News::PushAbove(Version(9)));
        assert_eq!(chain.news(true, true), News::Nudge, "state kinds are fetched");
        assert_eq!(chain.news(false, false), News::Nudge);
    }

    #[test]
    fn who_follows_many_channels_is_nudged_and_not_pushed_to() {
        let mut chain = open();
        for (count, news) in [
            (1, News::PushAbove(Version(5))),
            (PUSH_FOLLOWS_MAX, News::PushAbove(Version(5))),
            (PUSH_FOLLOWS_MAX + 1, News::Nudge),
            (0, News::PushAbove(Version(5))),
        ] {
            chain.page_was_merged(Followed { follows: vec![follow(); count], through: Version(5) });
            assert_eq!(chain.news(false, true), news, "{count}");
            assert_eq!(chain.waits_for_posts(), count > 0, "{count}");
        }
    }

    #[test]
    fn what_is_known_of_follows_holds_until_a_change_that_the_newest_page_lacks() {
        let mut chain = open();
        assert!(chain.knows_follows(Version(0)) && !chain.knows_follows(Version(1)), "nothing is known yet");
        for (count, through, known) in [
            (1, 5, [true, true, false]),
            (0, 6, [true, true, true]),
            (PUSH_FOLLOWS_MAX + 1, 6, [false; 3]),
            (PUSH_FOLLOWS_MAX, 4, [true, false, false]),
        ] {
            let followed = Followed { follows: vec![follow(); count], through: Version(through) };
            chain.page_was_merged(followed);
            assert_eq!(
                [4, 5, 6].map(|changed_at| chain.knows_follows(Version(changed_at))),
                known,
                "{count}"
            );
        }
    }

    #[test]
    fn a_heartbeat_of_who_follows_channels_is_looked_after_until_it_was_told() {
        let mut chain = open();
        assert!(!chain.waits_for_posts(), "an inbox is pushed");
        chain.page_was_merged(Followed { follows: vec![follow()], through: Version(5) });
        assert!(chain.waits_for_posts());
        assert_eq!([4, 5, 6].map(|head| chain.lacks(Version(head))), [false, false, true]);
        chain.nudged();
        assert!(!chain.waits_for_posts() && !chain.lacks(Version(6)));
    }

    #[test]
    fn the_first_push_that_is_dropped_ends_pushing_until_the_next_sync() {
        let mut chain = open();
        chain.dropped(None);
        assert!(chain.is_lagging());
        assert_eq!(chain.news(false, true), News::Nothing);
        chain.drained();
        assert_eq!(chain.news(false, true), News::Nudge);
        chain.nudged();
        assert!(chain.sync_begins());
        assert!(!chain.page_given(issued(8), false));
        assert_eq!(chain.news(false, true), News::PushAbove(Version(8)));
    }

    #[test]
    fn news_while_a_page_is_read_are_told_after_it_unless_more_is_fetched_anyway() {
        for (more, told) in [(false, true), (true, false)] {
            let mut chain = open();
            assert!(chain.sync_begins());
            assert!(!chain.sync_begins(), "one at a time");
            assert!(!chain.wants_nudge(), "it is noted");
            assert_eq!(chain.page_given(issued(7), more), told);
        }
    }

    #[test]
    fn a_heartbeat_shows_a_loss_only_of_what_was_given_and_not_asked_for_since() {
        let mut chain = open();
        assert!(!chain.shows_a_loss(&[5; 20]) && !chain.shows_a_loss(&[]));
        assert!(chain.shows_a_loss(&[4; 20]));
        chain.nudged();
        assert!(!chain.shows_a_loss(&[4; 20]), "it was told already");
        assert!(PushChain::default().shows_a_loss(&[4; 20]), "it has not looked yet");
    }
}
