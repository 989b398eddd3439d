//! Groups: some users keep one each, to which others are added and from which they are removed again; members leave and are
//! taken back. Everybody writes to the groups that the own store knows.

use std::{sync::Arc, time::Duration};

use highwater_sdk::{ClientMessageId, Role};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::json;
use tokio::{sync::watch, time::Instant};

use super::{
    asking::{Outcome, ask},
    blocks::wait,
    device::{Device, Order},
};

/// How many users keep a group: the first ones of the list.
pub(super) const KEEPERS: usize = 6;
/// Others who belong to a group when it is made.
const FIRST_MEMBERS: std::ops::RangeInclusive<usize> = 2..=12;
/// Users who are added at once.
const ADDED: std::ops::RangeInclusive<usize> = 1..=3;
/// Time between two changes of a group, milliseconds: a kill meets several of them.
const CHANGE_MS: std::ops::RangeInclusive<u64> = 200..=1200;
/// Time between two leaves of a user, milliseconds.
const LEAVE_MS: std::ops::RangeInclusive<u64> = 3000..=9000;

/// A group or channel of the device's user.
#[derive(Debug, Clone, Copy)]
pub(super) struct Membership {
    pub(super) group: u64,
    pub(super) is_owner: bool,
    /// The user may write there if it is a channel.
    pub(super) may_post: bool,
    pub(super) is_channel: bool,
}

/// The groups and channels that the store of a device knows.
pub(super) async fn memberships(device: &Device) -> Vec<Membership> {
    let groups = device.client.read(|store| store.groups()).await;
    let Ok(Ok(groups)) = groups else {
        // A store that cannot be read is a fault where entries are read from it.
        return Vec::new();
    };
    let membership = |(group, item): (u64, highwater_sdk::GroupItem)| Membership {
        group,
        is_owner: item.role() == Role::Owner,
        may_post: matches!(item.role(), Role::Owner | Role::Admin),
        is_channel: item.channel,
    };
    groups.into_iter().map(membership).collect()
}

/// What the user of this device does with groups, until told to stop.
pub(super) async fn keep_and_leave(device: Arc<Device>, mut order: watch::Receiver<Order>) {
    let mut rng = StdRng::seed_from_u64(device.seed ^ 0x6709);
    let keeps = device.users.iter().take(KEEPERS).any(|user| *user == device.user_id);
    let mut new_group = NewGroup {
        id: ClientMessageId::random(),
        users: draw(&device, rng.random_range(FIRST_MEMBERS), &mut rng),
        made: None,
    };
    let mut leave_at = Instant::now() + Duration::from_millis(rng.random_range(LEAVE_MS));
    while wait(&mut order, rng.random_range(if keeps { CHANGE_MS } else { LEAVE_MS })).await {
        if device.has_ended() {
            return;
        }
        let mut memberships = memberships(&device).await;
        memberships.retain(|membership| !membership.is_channel);
        let own = memberships.iter().find(|membership| membership.is_owner && keeps).map(|own| own.group);
        match own.or(new_group.made) {
            Some(group) => change(&device, group, &mut rng).await,
            None if keeps => new_group.create(&device).await,
            None => {}
        }
        let others: Vec<&Membership> = memberships.iter().filter(|other| !other.is_owner).collect();
        if Instant::now() >= leave_at
            && *order.borrow() != Order::Stop
            && let Some(left) = others.choose(&mut rng)
        {
            leave(&device, left.group).await;
            leave_at = Instant::now() + Duration::from_millis(rng.random_range(LEAVE_MS));
        }
    }
}

/// The group that a keeper makes. It is asked for with the same id and members until it is answered, so that there is no
/// second one; and once: the store knows it only after the next sync.
struct NewGroup {
    id: ClientMessageId,
    users: Vec<u64>,
    made: Option<u64>,
}

impl NewGroup {
    async fn create(&mut self, device: &Device) {
        let request = device.client.create_group(self.id, "torture", &self.users);
        let told = |group: &u64| json!({ "conversation": group.to_string() });
        match ask(device, "create_group", json!({ "users": names(&self.users) }), request, told).await {
            Outcome::Done(group) => self.made = Some(group),
            // One of them blocks the keeper, maybe: others are asked.
            Outcome::Refused(_) => drop(self.users.pop()),
            Outcome::Unknown => {}
        }
    }
}

pub(super) async fn change(device: &Device, group: u64, rng: &mut StdRng) {
    let of = json!({ "group": group.to_string() });
    let client = &device.client;
    let nothing = |(): &()| json!({});
    match rng.random_range(0..10) {
        0..=4 => {
            let users = draw(device, rng.random_range(ADDED), rng);
            let fields = json!({ "group": group.to_string(), "users": names(&users) });
            ask(device, "add_members", fields, client.add_members(group, &users), nothing).await;
        }
        5..=7 => {
            let Some(&user) = draw(device, 1, rng).first() else { return };
            let fields = json!({ "group": group.to_string(), "other": user.to_string() });
            ask(device, "remove_member", fields, client.remove_member(group, user), nothing).await;
        }
        8 => {
            let name = format!("torture {}", rng.random_range(0..1000));
            ask(device, "change_group", of, client.rename_group(group, &name), nothing).await;
        }
        _ => {
            let Some(&user) = draw(device, 1, rng).first() else { return };
            let role = if rng.random_bool(0.5) { Role::Admin } else { Role::Member };
            ask(device, "change_group", of, client.give_role(group, user, role), nothing).await;
        }
    }
}

async fn leave(device: &Device, group: u64) {
    let fields = json!({ "group": group.to_string() });
    ask(device, "leave_group", fields, device.client.leave_group(group), |()| json!({})).await;
}

/// Some others, none twice.
pub(super) fn draw(device: &Device, count: usize, rng: &mut StdRng) -> Vec<u64> {
    let others: Vec<u64> = device.users.iter().copied().filter(|user| *user != device.user_id).collect();
    others.sample(rng, count).copied().collect()
}

pub(super) fn names(users: &[u64]) -> Vec<String> {
    users.iter().map(u64::to_string).collect()
}
