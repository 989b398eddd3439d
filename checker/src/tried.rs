//! What a history put to the proof beside messages, so that a run in which nothing was blocked proves nothing of blocks.

use std::collections::HashSet;

use crate::asked::Asked;
use crate::delivery::Told;
use crate::history::{History, Target};
use crate::requests::{Request, Standing};
use crate::written_entry::NoticeKind;

/// Counts of what was tried and is known to have worked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tried {
    /// Blocks that were acknowledged.
    pub blocks: u64,
    /// Sends that were refused while their sender was surely blocked by the recipient.
    pub refused_while_blocked: u64,
    /// Lineages whose device was surely ended.
    pub devices_ended: u64,
    /// Groups of which something was shown.
    pub groups: u64,
    /// Acknowledged messages to groups.
    pub group_messages: u64,
    /// Memberships that began after the group was made.
    pub joins: u64,
    /// Memberships that ended.
    pub leaves: u64,
    /// Of these joins, those of somebody who had been a member before.
    pub rejoins: u64,
    /// Channels, groups that were turned into one among them.
    pub channels: u64,
    /// Acknowledged messages to channels.
    pub posts: u64,
    /// How often one of these is surely some follower's: so many times something was owed.
    pub posts_owed: u64,
    /// How often one of these surely is not some user's: so many times something could have leaked.
    pub posts_withheld: u64,
    /// Follows that were acknowledged.
    pub follows: u64,
    /// Unfollows that were acknowledged.
    pub unfollows: u64,
    /// Turns that were acknowledged.
    pub turns: u64,
    /// Users who were surely erased.
    pub users_erased: u64,
    /// Acknowledged messages of these.
    pub messages_erased: u64,
    /// Entries that the server read out by place.
    pub read_out: u64,
    /// Archives that were looked through.
    pub exports: u64,
}

impl Tried {
    pub(crate) fn count(
        history: &History,
        requests: &[Request],
        standing: &Standing,
        told: Told<'_>,
    ) -> Self {
        let number = |count: usize| count as u64;
        let is_block =
            |request: &&Request| matches!(request.asked, Asked::Block(_)) && request.done.is_some();
        let mut tried = Self {
            blocks: number(requests.iter().filter(is_block).count()),
            devices_ended: number(
                history
                    .lineages
                    .iter()
                    .filter(|line| line.ended.is_some_and(|end| end.done.is_some()))
                    .filter(|line| history.erasures.iter().all(|erasure| erasure.user != line.user))
                    .count(),
            ),
            ..Self::default()
        };
        for (_, message) in told.sends.all() {
            match message.to {
                Target::Group(group) if told.channels.is_channel(group) => {}
                Target::Group(_) => tried.group_messages += u64::from(message.acknowledged.is_some()),
                Target::User(to) if message.refused => {
                    let (key, begun) = ((to, message.sender), message.invoked.0);
                    let blocked = standing.blocked.in_force(key, begun, begun).is_some();
                    tried.refused_while_blocked += u64::from(blocked);
                }
                Target::User(_) => {}
            }
        }
        let of_groups =
            history.notices.values().filter(|notice| !told.channels.is_channel(notice.conversation));
        for notice in of_groups.filter(|notice| notice.kind == NoticeKind::Created) {
            let members = || told.membership.of(notice.conversation).map(|(_, intervals)| intervals);
            tried.groups += 1;
            tried.joins += number(members().flatten().filter(|interval| interval.join > notice.seq).count());
            tried.leaves += number(members().flatten().filter(|interval| interval.leave.is_some()).count());
            tried.rejoins += number(members().map(|intervals| intervals.len().saturating_sub(1)).sum());
        }
        tried.count_channels(history, requests, told);
        tried.count_erasures(history, told);
        tried
    }

    fn count_channels(&mut self, history: &History, requests: &[Request], told: Told<'_>) {
        for request in requests.iter().filter(|request| request.done.is_some()) {
            match request.asked {
                Asked::Follow(_) => self.follows += 1,
                Asked::Unfollow(_) => self.unfollows += 1,
                Asked::Turn(_) => self.turns += 1,
                _ => {}
            }
        }
        self.channels = told.channels.len() as u64;
        for (token, message) in told.sends.all().filter(|(_, message)| message.acknowledged.is_some()) {
            let Target::Group(channel) = message.to else { continue };
            let Some(place) = told.positions.sure_place(token) else { continue };
            if told.channels.is_channel(channel) {
                let users = || (0u32..).take(history.users.len());
                let mine = users().filter(|user| told.channels.is_mine(channel, *user, place.seq));
                let withheld = users().filter(|user| told.channels.is_withheld(channel, *user, place.seq));
                self.posts += 1;
                self.posts_owed += mine.count() as u64;
                self.posts_withheld += withheld.count() as u64;
            }
        }
    }

    fn count_erasures(&mut self, history: &History, told: Told<'_>) {
        let done = history.erasures.iter().filter(|erasure| erasure.done.is_some());
        let erased: HashSet<u32> = done.map(|erasure| erasure.user).collect();
        let of_erased = told.sends.all().filter(|(_, message)| erased.contains(&message.sender));
        self.users_erased = erased.len() as u64;
        self.messages_erased = of_erased.filter(|(_, message)| message.acknowledged.is_some()).count() as u64;
        for lineage in &history.lineages {
            self.read_out += lineage.reads.iter().map(|read| read.entries.len() as u64).sum::<u64>();
            self.exports += lineage.exports.len() as u64;
        }
    }

    /// All counts in one line, without a line feed.
    pub fn line(&self) -> String {
        let Self { blocks, refused_while_blocked, devices_ended, groups, .. } = self;
        let Self { group_messages, joins, leaves, rejoins, channels, .. } = self;
        let Self { posts, posts_owed, posts_withheld, follows, unfollows, turns, .. } = self;
        let Self { users_erased, messages_erased, read_out, exports, .. } = self;
        format!(
            "tried blocks={blocks} refused_while_blocked={refused_while_blocked} devices_ended={devices_ended} \
             groups={groups} group_messages={group_messages} joins={joins} leaves={leaves} rejoins={rejoins} \
             channels={channels} posts={posts} posts_owed={posts_owed} posts_withheld={posts_withheld} \
             follows={follows} unfollows={unfollows} turns={turns} \
             users_erased={users_erased} messages_erased={messages_erased} read_out={read_out} exports={exports}"
        )
    }
}
