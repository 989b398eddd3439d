//! What is true of a group, rebuilt from its log alone, entry by entry: who is a member where, who may do what, and who gets
//! what in which order.

use std::collections::{BTreeMap, BTreeSet};

use highwater::{
    model::{
        Content, ConversationId, Door, Form, Group as GroupRow, Interval, Member, Notice, Position, Role,
        Seq, UserId, Version,
        limits::INTERVALS_PER_MEMBER_MAX,
        record::{ItemValue, Message},
    },
    sync::kinds::CONVERSATIONS,
};

use crate::oracle::Oracle;

/// A group as its log says it.
#[derive(Clone, Default)]
pub struct Group {
    pub founder: UserId,
    pub name: String,
    /// Place of the newest entry that named it.
    named: Seq,
    /// Of everybody who ever was a member, oldest first.
    memberships: BTreeMap<UserId, Vec<Membership>>,
    /// Of those who are members now.
    roles: BTreeMap<UserId, Role>,
    /// Where everybody got the newest role, also who has left.
    ranked: BTreeMap<UserId, Seq>,
    /// Whether only owner and admins may write.
    is_muted: bool,
    /// Who may not write, also of those who have left.
    muted: BTreeSet<UserId>,
    /// What is announced, by whom; empty when nothing is.
    announced: (String, UserId),
    /// Who was removed and did not come back.
    removed: BTreeSet<UserId>,
    /// For whom each entry is.
    audiences: Vec<BTreeSet<UserId>>,
    /// Who has it.
    given: Vec<BTreeSet<UserId>>,
    /// The rows that the records write.
    pub stored: Stored,
}

/// One membership: where it begins and ends, and by which versions.
#[derive(Clone, Copy)]
struct Membership {
    interval: Interval,
    began: Version,
    ended: Option<Version>,
}

#[derive(Clone, Default)]
pub struct Stored {
    pub row: Option<GroupRow>,
    pub members: BTreeMap<UserId, Member>,
    pub position: Option<Position>,
    pub door: Option<Door>,
}

impl Group {
    pub fn is_muted(&self) -> bool {
        self.is_muted
    }

    pub fn was_removed(&self, user: UserId) -> bool {
        self.removed.contains(&user)
    }

    pub fn announced(&self) -> &str {
        &self.announced.0
    }

    pub fn is_muted_alone(&self, user: UserId) -> bool {
        self.muted.contains(&user)
    }

    /// Whether a member is not muted.
    pub fn may_write(&self, user: UserId) -> bool {
        !self.muted.contains(&user)
            && (!self.is_muted || self.role(user).is_some_and(|role| role < Role::Member))
    }

    pub fn is_member(&self, user: UserId) -> bool {
        self.roles.contains_key(&user)
    }

    /// What a member may do; nothing for everybody else.
    pub fn role(&self, user: UserId) -> Option<Role> {
        self.roles.get(&user).copied()
    }

    pub fn members(&self) -> Vec<UserId> {
        self.roles.keys().copied().collect()
    }

    /// Whether somebody was a member once and is none now.
    pub fn has_left(&self, user: UserId) -> bool {
        !self.is_member(user) && self.memberships.contains_key(&user)
    }

    /// Whether the user was a member at some moment behind this version.
    pub fn was_member_behind(&self, user: UserId, before: Version) -> bool {
        let all = self.memberships.get(&user).into_iter().flatten();
        all.into_iter().any(|one| one.ended.is_none_or(|ended| ended > before))
    }

    /// Whether the user was no member at some moment behind this version.
    pub fn was_out_behind(&self, user: UserId, before: Version) -> bool {
        let all = self.memberships.get(&user).into_iter().flatten();
        !all.into_iter().any(|one| one.began <= before && one.ended.is_none())
    }

    /// Memberships of a user.
    pub fn memberships_of(&self, user: UserId) -> usize {
        self.memberships.get(&user).map_or(0, Vec::len)
    }

    /// Whether an entry is for a user.
    pub fn is_for(&self, user: UserId, seq: u64) -> bool {
        let place = usize::try_from(seq).unwrap() - 1;
        self.audiences.get(place).is_some_and(|audience| audience.contains(&user))
    }

    /// Where a user was a member at a version, oldest first.
    pub fn intervals_at(&self, user: UserId, bound: Version) -> Vec<Interval> {
        let all = self.memberships.get(&user).into_iter().flatten().filter(|one| one.began <= bound);
        let leave =
            |one: &Membership| one.interval.leave.filter(|_| one.ended.is_some_and(|ended| ended <= bound));
        all.map(|one| Interval { join: one.interval.join, leave: leave(one) }).collect()
    }

    /// Whether a user has an entry in the inbox.
    pub fn was_given(&self, user: UserId, seq: Seq) -> bool {
        let place = usize::try_from(seq.0).unwrap() - 1;
        self.given[place].contains(&user)
    }

    /// The oldest entry that somebody still lacks, and the last one who has it.
    pub fn position(&self) -> Option<Position> {
        let place = self.done();
        let given = self.given.get(place)?;
        Some(Position { entry: Seq(place as u64 + 1), after: given.last().copied() })
    }

    /// Some have the oldest entry that waits, and some have it not.
    pub fn is_in_mid_entry(&self) -> bool {
        self.position().is_some_and(|position| position.after.is_some())
    }

    fn done(&self) -> usize {
        let is_done = |(audience, given): (&BTreeSet<UserId>, &BTreeSet<UserId>)| audience == given;
        self.audiences.iter().zip(&self.given).take_while(|pair| is_done(*pair)).count()
    }

    /// An entry is written: its sender may do it, and everybody gets it who is a member there.
    pub fn write(&mut self, message: &Message, version: Version, members_max: usize) -> Vec<&'static str> {
        let (by, seq) = (message.sender, message.seq);
        let mut events = Vec::new();
        let is_first = self.audiences.is_empty();
        let comes = matches!(&message.content, Content::Notice(notice) if **notice == Notice::JoinedByLink);
        assert!(
            is_first || comes != self.is_member(by),
            "G9: {by} writes at {seq} and is no member, or comes twice"
        );
        let rank = self.role(by);
        let is_admin = matches!(rank, Some(Role::Owner | Role::Admin));
        let mut leavers = Vec::new();
        let notice = match &message.content {
            Content::Notice(notice) => Some(&**notice),
            _ => None,
        };
        match notice {
            None => {
                assert!(!is_first, "a group begins with a message");
                assert!(self.may_write(by), "{by}, a {rank:?}, is muted and writes at {seq}");
            }
            Some(Notice::Created { name, members }) => {
                assert!(is_first, "a group is made at {seq}");
                self.founder = by;
                (self.name, self.named) = (name.clone(), seq);
                self.join(by, Role::Owner, (seq, version), &mut events);
                for user in members {
                    self.join(*user, Role::Member, (seq, version), &mut events);
                }
                events.push("group made");
            }
            Some(Notice::Joined(users)) => {
                assert!(is_admin && !users.is_empty(), "{by}, a {rank:?}, adds {users:?}");
                for user in users {
                    self.join(*user, Role::Member, (seq, version), &mut events);
                }
                events.push("members added");
            }
            Some(Notice::Left) => {
                (leavers, events) = (vec![by], vec!["member left"]);
                events.extend((rank == Some(Role::Owner)).then_some("owner left"));
            }
            Some(Notice::Removed(user)) => {
                self.removed.insert(*user);
                let may = self.role(*user).is_some_and(|of| rank.is_some_and(|rank| rank < of));
                assert!(may && *user != by, "{by}, a {rank:?}, removes {user}");
                (leavers, events) = (vec![*user], vec!["member removed"]);
            }
            Some(Notice::Renamed(name)) => {
                assert!(is_admin && *name != self.name, "{by}, a {rank:?}, renames to {name}");
                (self.name, self.named) = (name.clone(), seq);
                events.push("group renamed");
            }
            Some(Notice::Turned(_)) => panic!("these histories make no channels"),
            Some(Notice::RoleGiven(user, role)) => {
                let may = rank == Some(Role::Owner) && *user != by && self.is_member(*user);
                assert!(may, "{by}, a {rank:?}, gives {user} the role {role:?}");
                if *role == Role::Owner {
                    self.rank(by, Role::Admin, seq);
                }
                self.rank(*user, *role, seq);
                events.push("role given");
            }
            Some(Notice::AllMuted(muted)) => {
                assert!(is_admin && *muted != self.is_muted, "{by}, a {rank:?}, mutes all: {muted}");
                self.is_muted = *muted;
                events.push("group muted or unmuted");
            }
            Some(Notice::Asked) => {
                assert!(is_admin, "{by}, a {rank:?}, has a link by which somebody asks");
                events.push("asked to come in");
            }
            Some(Notice::ApprovalSet(wanted)) => {
                assert!(is_admin, "{by}, a {rank:?}, sets approval to {wanted}");
                events.push("approval set");
            }
            Some(Notice::Admitted(user)) => {
                assert!(is_admin, "{by}, a {rank:?}, lets {user} in");
                self.join(*user, Role::Member, (seq, version), &mut events);
                events.push("let in");
            }
            Some(Notice::JoinedByLink) => {
                self.join(by, Role::Member, (seq, version), &mut events);
                events.push("joined by a link");
            }
            Some(Notice::Announced(text)) => {
                assert!(is_admin && *text != self.announced.0, "{by}, a {rank:?}, announces {text}");
                self.announced = (text.clone(), by);
                events.push(if text.is_empty() { "announcement taken back" } else { "announcement" });
            }
            Some(Notice::Muted(user, muted)) => {
                let may = self.role(*user).is_some_and(|of| rank.is_some_and(|rank| rank < of));
                assert!(may && *user != by, "{by}, a {rank:?}, mutes {user}");
                let was = if *muted { !self.muted.insert(*user) } else { !self.muted.remove(user) };
                assert!(!was, "{user} was muted before, or was not: {muted}");
                events.push("member muted or unmuted");
            }
            Some(Notice::Dissolved) => {
                assert_eq!(rank, Some(Role::Owner), "{by} ends the group");
                (leavers, events) = (self.members(), vec!["group dissolved"]);
            }
        }
        let present = self.roles.len();
        assert!(present <= members_max, "{present} members in a group of at most {members_max}");
        self.audiences.push(self.roles.keys().copied().collect());
        self.given.push(BTreeSet::new());
        // Nobody follows an owner when all go.
        let everybody = leavers.len() == present;
        for user in leavers {
            self.leave(user, (seq, version), everybody);
        }
        events
    }

    fn join(
        &mut self,
        user: UserId,
        role: Role,
        (seq, version): (Seq, Version),
        events: &mut Vec<&'static str>,
    ) {
        let done = self.done() as u64;
        let all = self.memberships.entry(user).or_default();
        if let Some(before) = all.last() {
            let left = before.interval.leave.expect("who is a member does not join");
            events.push("rejoin");
            events.extend((left.0 > done).then_some("rejoin before the leave was expanded"));
        }
        let interval = Interval { join: seq, leave: None };
        all.push(Membership { interval, began: version, ended: None });
        assert!(!self.is_member(user), "{user} joins twice at {seq}");
        self.removed.remove(&user);
        self.rank(user, role, seq);
    }

    fn rank(&mut self, user: UserId, role: Role, seq: Seq) {
        if role == Role::Owner {
            self.muted.remove(&user);
        }
        self.roles.insert(user, role);
        self.ranked.insert(user, seq);
    }

    /// An owner who leaves is followed by the oldest admin, or else the oldest member.
    fn leave(&mut self, user: UserId, (seq, version): (Seq, Version), everybody: bool) {
        let role = self.roles.remove(&user).expect("only members leave");
        let last = self.memberships.get_mut(&user).and_then(|all| all.last_mut());
        let last = last.expect("a member has a membership");
        (last.interval.leave, last.ended) = (Some(seq), Some(version));
        if role != Role::Owner || everybody {
            return;
        }
        let since = |user: &UserId| self.memberships[user].last().map(|one| one.interval.join);
        let admins: Vec<UserId> =
            self.roles.iter().filter(|(_, role)| **role == Role::Admin).map(|(user, _)| *user).collect();
        let heirs = if admins.is_empty() { self.members() } else { admins };
        if let Some(heir) = heirs.into_iter().min_by_key(|user| (since(user), *user)) {
            self.rank(heir, Role::Owner, seq);
        }
    }

    /// Some get an entry: it is the oldest that anybody lacks, it is for them, and they do not have it.
    pub fn give(&mut self, seq: Seq, users: impl Iterator<Item = UserId>) -> Vec<&'static str> {
        let place = usize::try_from(seq.0).unwrap() - 1;
        let mut events = Vec::new();
        for user in users {
            assert_eq!(self.done(), place, "G2: {user} gets entry {seq} before those ahead of it are given");
            assert!(
                self.audiences[place].contains(&user),
                "G7: {user} gets entry {seq}, which is not for him"
            );
            assert!(self.given[place].insert(user), "G1: {user} gets entry {seq} twice");
            events.extend((!self.is_member(user)).then_some("group step to a leaver"));
        }
        events
    }

    /// What becomes of the conversation of a user who gets an entry; nothing when the entry does not touch it.
    pub fn item_after(&self, group: ConversationId, user: UserId, seq: Seq) -> Option<Option<ItemValue>> {
        let ends = self.memberships[&user].iter().map(|one| one.interval).collect::<Vec<_>>();
        if ends.iter().any(|one| one.leave == Some(seq)) {
            return Some(None);
        }
        let since = ends.iter().rfind(|one| one.join <= seq)?.join;
        let changes = since == seq || self.named == seq || self.ranked[&user] == seq;
        changes.then(|| Some(self.item(group, user, since)))
    }

    /// The conversation of a member since some place, with the newest name and role.
    fn item(&self, group: ConversationId, user: UserId, since: Seq) -> ItemValue {
        let role = self.role(user).unwrap_or(Role::Member);
        ItemValue::Group { group, name: self.name.clone(), role, since, form: Form::Group }
    }

    /// The rows of the records say what the log says, and the position goes along with the pointers.
    pub fn check_rows(&self, group: ConversationId) {
        let row = self.stored.row.as_ref().expect("a group has a row");
        let rows = (&row.name, row.named, row.founder, row.is_muted);
        assert_eq!(rows, (&self.name, self.named, self.founder, self.is_muted), "row of group {group}");
        let announced = row.announcement.as_ref().map(|one| (one.text.clone(), one.by));
        let due = (!self.announced.0.is_empty()).then(|| self.announced.clone());
        assert_eq!(announced, due, "announcement of group {group}");
        assert_eq!(self.stored.position, self.position(), "G1: position of group {group}");
        for (user, all) in &self.memberships {
            let kept = all.len().saturating_sub(INTERVALS_PER_MEMBER_MAX);
            let intervals = all[kept..].iter().map(|one| one.interval).collect();
            let role = self.role(*user).unwrap_or(Role::Member);
            let ranked = self.ranked[user];
            let member = Member {
                group,
                user: *user,
                role,
                ranked,
                intervals,
                is_muted: self.muted.contains(user),
                is_removed: self.removed.contains(user),
            };
            assert_eq!(self.stored.members.get(user), Some(&member), "G7: member {user} of group {group}");
        }
    }

    /// At the end everybody has what is meant for him, from the join to the leave, and nothing else.
    pub fn check_whole(&self, oracle: &Oracle, group: ConversationId) {
        assert_eq!(self.position(), None, "G1: group {group} is not wholly expanded");
        let log = &oracle.logs[&group];
        for (user, all) in &self.memberships {
            let inbox = oracle.inboxes.get(user).into_iter().flatten();
            let got: Vec<Seq> = inbox
                .map(|entry| &entry.message)
                .filter(|message| message.conversation == group)
                .map(|message| message.seq)
                .collect();
            let head = log.len() as u64;
            let through = |one: &Interval| one.leave.map_or(head, |leave| leave.0);
            let intervals = all.iter().map(|one| one.interval);
            let due: Vec<Seq> = intervals.flat_map(|one| (one.join.0..=through(&one)).map(Seq)).collect();
            assert_eq!(got, due, "G7: entries of {user} in group {group}");
            let key = (*user, CONVERSATIONS, group.to_string());
            let item = oracle.items.get(&key).and_then(|item| item.value.clone());
            let since = all.last().expect("a member has a membership").interval.join;
            let due = self.is_member(*user).then(|| self.item(group, *user, since));
            assert_eq!(item, due, "conversation {group} of {user}");
        }
    }
}
