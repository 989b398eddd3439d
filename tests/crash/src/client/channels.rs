//! Channels: some users keep one each, and one user a group that becomes a channel and a group again, over and over. Others
//! follow them and go again. Owners post, and those who were given a role; now and then somebody who may not.
//!
//! A follower has to know the number of a channel: who keeps one writes it into a file that all processes read.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use highwater_sdk::{ClientMessageId, Role};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::json;
use tokio::sync::watch;

use super::{
    asking::{Outcome, ask},
    blocks::wait,
    device::{Device, Order},
    groups::{self, KEEPERS, Membership, memberships},
};

/// Users who keep a channel: those who come after the keepers of groups in the list.
const CHANNEL_KEEPERS: std::ops::Range<usize> = KEEPERS..KEEPERS + 3;
/// The user who keeps what is a group and a channel in turn.
pub(super) const TURNER: usize = CHANNEL_KEEPERS.end;
/// Others who belong to what turns when it is made.
const FIRST_MEMBERS: usize = 4;
/// Time between two follows or unfollows of a user, milliseconds: a kill meets several of them.
const FOLLOW_MS: std::ops::RangeInclusive<u64> = 300..=1500;
/// Time between two changes of a channel, milliseconds.
const CHANGE_MS: std::ops::RangeInclusive<u64> = 300..=1500;

/// The channels that anybody may follow: one number a line.
#[derive(Debug, Clone)]
pub(super) struct KnownChannels(PathBuf);

impl KnownChannels {
    /// Those of a run, in the directory of its stores.
    pub(super) fn of(stores: &Path) -> KnownChannels {
        KnownChannels(stores.join("channels"))
    }

    /// All of them; none when nobody made one yet.
    pub(super) fn read(&self) -> Vec<u64> {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Makes one known. One line with one write, so that processes may do it at once.
    fn add(&self, channel: u64) -> io::Result<()> {
        if self.read().contains(&channel) {
            return Ok(());
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&self.0)?;
        file.write_all(format!("{channel}\n").as_bytes())
    }
}

/// What the user of this device keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Nothing,
    Channel,
    /// What is a group and a channel in turn.
    Turning,
}

impl Keeps {
    fn of(device: &Device) -> Keeps {
        match device.users.iter().position(|user| *user == device.user_id) {
            Some(position) if CHANNEL_KEEPERS.contains(&position) => Keeps::Channel,
            Some(TURNER) => Keeps::Turning,
            _ => Keeps::Nothing,
        }
    }
}

/// Keeps what is the user's to keep, until told to stop.
pub(super) async fn keep(device: Arc<Device>, mut order: watch::Receiver<Order>) {
    let mut rng = StdRng::seed_from_u64(device.seed ^ 0xc4a1);
    let keeps = Keeps::of(&device);
    if keeps == Keeps::Nothing {
        return;
    }
    // Asked for with the same id until it is answered, so that there is no second one.
    let new = (ClientMessageId::random(), groups::draw(&device, FIRST_MEMBERS, &mut rng));
    let mut made = None;
    while wait(&mut order, rng.random_range(CHANGE_MS)).await {
        if device.has_ended() {
            return;
        }
        let own = memberships(&device).await.into_iter().find(|membership| membership.is_owner);
        let Some(number) = own.map(|own| own.group).or(made) else {
            made = create(&device, keeps, &new).await;
            continue;
        };
        if let Err(error) = device.channels.add(number) {
            super::say(format!("fault {} cannot tell of a channel: {error}", device.lineage));
        }
        match (keeps, own) {
            (Keeps::Turning, Some(own)) if rng.random_bool(0.4) => turn(&device, own).await,
            (_, Some(own)) if own.is_channel => change(&device, own.group, &mut rng).await,
            (_, Some(own)) => groups::change(&device, own.group, &mut rng).await,
            // The store does not know it yet.
            (_, None) => {}
        }
    }
}

/// Follows and goes again, until told to stop.
pub(super) async fn follow_and_go(device: Arc<Device>, mut order: watch::Receiver<Order>) {
    let mut rng = StdRng::seed_from_u64(device.seed ^ 0xf011);
    while wait(&mut order, rng.random_range(FOLLOW_MS)).await {
        if device.has_ended() {
            return;
        }
        let known = device.channels.read();
        let Some(&channel) = known.choose(&mut rng) else { continue };
        let memberships = memberships(&device).await;
        let fields = json!({ "group": channel.to_string() });
        match memberships.iter().find(|membership| membership.group == channel) {
            // Its owner cannot go.
            Some(own) if own.is_owner => {}
            Some(_) => {
                let request = device.client.unfollow(channel);
                ask(&device, "unfollow", fields, request, |()| json!({})).await;
            }
            None => {
                let request = device.client.follow(channel);
                ask(&device, "follow", fields, request, |()| json!({})).await;
            }
        }
    }
}

/// Where a device posts: mostly where its user may write, else where the user only follows and is refused.
pub(super) fn draw(memberships: &[Membership], rng: &mut impl Rng) -> Option<u64> {
    /// Part of the posts that are tried by somebody who may not.
    const FORBIDDEN: f64 = 0.05;
    let wants_allowed = !rng.random_bool(FORBIDDEN);
    let channels = memberships.iter().filter(|membership| membership.is_channel);
    let channels: Vec<u64> = channels
        .filter(|membership| membership.may_post == wants_allowed)
        .map(|membership| membership.group)
        .collect();
    channels.choose(rng).copied()
}

async fn create(device: &Device, keeps: Keeps, (id, users): &(ClientMessageId, Vec<u64>)) -> Option<u64> {
    let told = |channel: &u64| json!({ "conversation": channel.to_string() });
    let outcome = if keeps == Keeps::Turning {
        let request = device.client.create_group(*id, "torture turns", users);
        ask(device, "create_group", json!({ "users": groups::names(users) }), request, told).await
    } else {
        let request = device.client.create_channel(*id, "torture");
        ask(device, "create_channel", json!({}), request, told).await
    };
    match outcome {
        Outcome::Done(number) => Some(number),
        Outcome::Refused(_) | Outcome::Unknown => None,
    }
}

async fn change(device: &Device, channel: u64, rng: &mut StdRng) {
    let of = json!({ "group": channel.to_string() });
    let client = &device.client;
    let nothing = |(): &()| json!({});
    if rng.random_bool(0.3) {
        let name = format!("torture {}", rng.random_range(0..1000));
        ask(device, "change_group", of, client.rename_group(channel, &name), nothing).await;
        return;
    }
    let Some(&user) = groups::draw(device, 1, rng).first() else { return };
    // Somebody who does not follow is refused.
    let role = if rng.random_bool(0.7) { Role::Admin } else { Role::Member };
    ask(device, "change_group", of, client.give_role(channel, user, role), nothing).await;
}

async fn turn(device: &Device, own: Membership) {
    let request = device.client.turn_group(own.group, !own.is_channel);
    ask(device, "turn_group", json!({ "group": own.group.to_string() }), request, |()| json!({})).await;
}
