//! Who may be given an entry: its parties, members whose interval contains it, who follows, devices that have not ended.

use crate::channels::Channels;
use crate::history::{Entry, Target};
use crate::membership::Membership;
use crate::pairs::Pairs;
use crate::requests::Standing;
use crate::sends::Message;
use crate::sightings::Page;

/// Membership as the log tells it, and what acknowledged requests say of it and of blocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rights<'r> {
    pub(crate) membership: &'r Membership,
    pub(crate) standing: &'r Standing,
    pub(crate) channels: &'r Channels,
}

impl Rights<'_> {
    /// Why the lineage of this page should not have the entry; none if it may. `message` is none for a notice.
    pub(crate) fn leak(
        self,
        message: Option<&Message>,
        entry: &Entry,
        page: &Page<'_>,
        pairs: &Pairs,
    ) -> Option<&'static str> {
        if let (Some(message), Some(ended)) = (message, page.lineage.ended)
            && ended.done.is_some_and(|done| done < message.invoked.0)
        {
            return Some("its device had ended before this was sent");
        }
        if self.channels.is_channel(entry.conversation) {
            return self.leak_to_stranger(entry, page);
        }
        match message.map(|message| (message, message.to)) {
            Some((message, Target::User(to))) => self.leak_to_user(message, to, page),
            Some((message, Target::Group(_))) => {
                self.leak_to_member(entry, page).or_else(|| self.leak_to_departed(message, entry, page))
            }
            // An erasure is told in conversations of two as well.
            None if pairs.of(entry.conversation).is_some() => {
                let is_told = pairs.include(entry.conversation, page.lineage.user);
                (!is_told).then_some("its user is neither of the two")
            }
            None => self.leak_to_member(entry, page),
        }
    }

    fn leak_to_user(self, message: &Message, to: u32, page: &Page<'_>) -> Option<&'static str> {
        let user = page.lineage.user;
        if user != message.sender && user != to {
            return Some("its user is neither sender nor recipient");
        }
        let (begun, shown) = (message.invoked.0, page.t);
        let blocked =
            user == to && self.standing.blocked.in_force((to, message.sender), begun, shown).is_some();
        (blocked && page.settled).then_some("its user had blocked the sender before this was sent")
    }

    fn leak_to_member(self, entry: &Entry, page: &Page<'_>) -> Option<&'static str> {
        let (group, user) = (entry.conversation, page.lineage.user);
        // What raced a cut may have stood at a place where something else stands now.
        let told = !page.settled
            || self.membership.is_doubtful(group, user)
            || self.membership.contains(group, user, entry.seq);
        (!told).then_some("it lies outside of its user's membership")
    }

    fn leak_to_stranger(self, entry: &Entry, page: &Page<'_>) -> Option<&'static str> {
        let (channel, user) = (entry.conversation, page.lineage.user);
        let withheld = page.settled && self.channels.is_withheld(channel, user, entry.seq);
        withheld.then_some("its user did not follow when this was posted")
    }

    /// By the requests alone: who was let go before something was sent does not get it, wherever it stands.
    fn leak_to_departed(self, message: &Message, entry: &Entry, page: &Page<'_>) -> Option<&'static str> {
        let key = (entry.conversation, page.lineage.user);
        let departed = self.standing.departed.in_force(key, message.invoked.0, page.t).is_some();
        (departed && page.settled).then_some("its user was no member any more when this was sent")
    }
}
