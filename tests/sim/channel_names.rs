//! What a channel is called: a new name changes no item, so whoever is told the conversation is told its name of now, and
//! whoever is told the new name, or that it is passed over, is told the conversation with it. And the role that one has.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use highwater::{
    actors::{
        export::{Export, Part},
        user::{PageRequest, answer, difference, group_info},
    },
    logic::{
        Request,
        operation::{ChannelChange, ChannelRequest, GroupChange},
    },
    model::{
        DeviceId, Form, GroupBounds, LineageId, Role, UserId, Version,
        limits::{CHANNEL_POSTS_MAX, PAGE_BYTES_MAX},
    },
    store::files_faulty::SeededRandom,
    sync::{Chain, Kinds, LEVELS, Locale, Marks, Rendering, RunName, SnapshotKey},
};
use highwater_wire::{
    Encoding, Refusal, kind,
    proto::{self, server_frame::Body},
};

use crate::group_store::{GROUP, GroupStore, Indexing, device};

/// Bounds of one page.
const ENTRIES_MAX: u32 = 3;

/// A device of one user, of some level: its items as they came.
struct Device {
    user: u64,
    rendering: Rendering,
    marks: Marks,
    items: BTreeMap<(u32, String), String>,
}

fn run() -> RunName {
    RunName::default()
}

impl Device {
    fn new(user: u64, level: u8) -> Device {
        let rendering = Rendering { level, locale: Locale::English };
        Device { user, rendering, marks: Marks::fresh(level, run(), Version(0)), items: BTreeMap::new() }
    }

    /// Pages until nothing is left.
    fn sync(&mut self, store: &GroupStore) {
        let key = SnapshotKey::new(1, [3; 32], [7; 16]);
        let lineage = LineageId { device: DeviceId(10 * self.user), context: 0 };
        let chain = Chain { user: UserId(self.user), lineage };
        let kinds = Arc::new(Kinds::of_server(&[]).unwrap());
        for _ in 0..1000 {
            let given = Bytes::from(key.seal(chain, &self.marks));
            let request = PageRequest {
                chain,
                given,
                marks: self.marks,
                rebuild: None,
                rendering: self.rendering,
                kinds: Arc::clone(&kinds),
                entries_max: ENTRIES_MAX,
                bytes_max: PAGE_BYTES_MAX,
            };
            let answered = answer(&store.view(), &key, run(), &request).unwrap();
            for item in answered.page.items {
                match item.deleted {
                    true => drop(self.items.remove(&(item.kind, item.key))),
                    false => drop(self.items.insert((item.kind, item.key), item.value)),
                }
            }
            self.marks = answered.marks;
            if !answered.page.more {
                return;
            }
        }
        panic!("a sync without end");
    }

    /// The channel as it is shown: its name, and from level 2 on the user's role.
    fn shown(&self) -> Option<(String, proto::Role)> {
        let value = |kind| self.items.get(&(kind, GROUP.to_string()));
        if LEVELS.names_speakers(self.rendering.level) {
            let contact = value(kind::CONTACTS)?;
            let contact: proto::ContactItem = Encoding::Json.decode(contact.as_bytes()).unwrap();
            return Some((contact.name, proto::Role::Unspecified));
        }
        shown(value(kind::CONVERSATIONS)?)
    }
}

fn shown(value: &str) -> Option<(String, proto::Role)> {
    let conversation: proto::ConversationItem = Encoding::Json.decode(value.as_bytes()).unwrap();
    conversation.group.map(|group| (group.name.clone(), group.role()))
}

fn ask(store: &mut GroupStore, user: u64, change: ChannelChange) {
    store.submit(&Request::Channel(ChannelRequest { by: device(user), channel: GROUP, change })).unwrap();
}

fn rename(store: &mut GroupStore, name: &str) {
    store.change(1, GroupChange::Rename(name.to_owned())).unwrap();
}

/// A channel that users 1 and 2 follow, the one who owned it as a group and the one who was a member, and 3 since.
fn channel(indexing: Indexing) -> GroupStore {
    let bounds = GroupBounds { step_pointers_max: 1, ..GroupBounds::default() };
    let mut store = GroupStore::new(4, 2, bounds, indexing);
    ask(&mut store, 1, ChannelChange::Turn(Form::Channel));
    ask(&mut store, 3, ChannelChange::Follow);
    store.drain();
    store
}

/// What is told to one who has nothing, without snapshots; with the version by which it is held.
fn compared(store: &GroupStore, user: u64, held: Vec<proto::HeldItem>) -> Option<(String, u64)> {
    let rendering = Rendering { level: 3, locale: Locale::English };
    let wanted = proto::Compare { items: held, ..proto::Compare::default() };
    let kinds = Kinds::of_server(&[]).unwrap();
    let told = difference(&store.view(), (UserId(user), rendering), &kinds, wanted, PAGE_BYTES_MAX).unwrap();
    let Body::Difference(told) = told else { panic!("{told:?}") };
    let told = told.items.into_iter().filter_map(|told| Some((told.version, told.item?)));
    let (version, item) = told.into_iter().find(|(_, item)| item.key == GROUP.to_string())?;
    Some((shown(&item.value)?.0, version))
}

#[test]
fn every_device_is_told_the_name_of_now_and_no_follower_costs_anything() {
    for indexing in [Indexing::Never, Indexing::Always] {
        let mut store = channel(indexing);
        let mut devices: Vec<Device> =
            [1, 2, 3].into_iter().flat_map(|user| [1, 2].map(|level| Device::new(user, level))).collect();
        let expect = |devices: &mut Vec<Device>, store: &GroupStore, name: &str| {
            for device in devices {
                device.sync(store);
                let is_named = device.shown().is_some_and(|(shown, _)| shown == name);
                assert!(
                    is_named,
                    "{} at level {}: {:?}",
                    device.user,
                    device.rendering.level,
                    device.shown()
                );
            }
        };
        expect(&mut devices, &store, "team");
        let held = compared(&store, 3, Vec::new()).expect("it is told");
        let items =
            |store: &GroupStore| (1..=3).map(|user| store.item(user).map(|item| item.version)).collect();
        let before: Vec<_> = items(&store);
        rename(&mut store, "news");
        store.drain();
        assert_eq!(before, items(&store), "a rename writes nothing for those who follow");
        // Live ones by the notice, new ones and those of another level by the list.
        expect(&mut devices, &store, "news");
        devices.extend([1, 2, 3].into_iter().flat_map(|user| [1, 2].map(|level| Device::new(user, level))));
        expect(&mut devices, &store, "news");
        let as_held = |version| {
            let (kind, key) = (kind::CONVERSATIONS, GROUP.to_string());
            vec![proto::HeldItem { kind, key, version }]
        };
        let now = compared(&store, 3, as_held(held.1)).expect("what is held has an older name");
        assert_eq!(now.0, "news");
        assert_eq!(compared(&store, 3, as_held(now.1)), None, "what is held is what is there");
        // Somebody who follows now, and a name that more posts bury than a lineage is given.
        ask(&mut store, 4, ChannelChange::Follow);
        devices.push(Device::new(4, 2));
        expect(&mut devices, &store, "news");
        rename(&mut store, "buried");
        for _ in 0..CHANNEL_POSTS_MAX {
            store.send(1).unwrap();
        }
        store.drain();
        expect(&mut devices, &store, "buried");
        // As a group everybody is told by the step.
        ask(&mut store, 1, ChannelChange::Turn(Form::Group));
        rename(&mut store, "group");
        store.drain();
        expect(&mut devices, &store, "group");
    }
}

#[test]
fn who_does_not_follow_any_more_is_told_no_name() {
    let mut store = channel(Indexing::Never);
    let (mut gone, mut stays) = (Device::new(3, 2), Device::new(2, 2));
    gone.sync(&store);
    rename(&mut store, "news");
    ask(&mut store, 3, ChannelChange::Unfollow);
    store.drain();
    gone.sync(&store);
    stays.sync(&store);
    assert_eq!(gone.shown(), None, "the notice is told, the conversation is gone");
    assert!(stays.shown().is_some());
}

#[test]
fn who_follows_is_told_what_the_channel_is() {
    let mut store = channel(Indexing::Always);
    rename(&mut store, "news");
    let info = |store: &GroupStore, user: u64| {
        let wanted = proto::DescribeGroup { conversation_id: GROUP.0 };
        match group_info(&store.view(), UserId(user), &wanted).unwrap() {
            Ok(Body::GroupInfo(info)) => Ok(info.name),
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => Err(refusal),
        }
    };
    for user in 1..=3 {
        assert_eq!(info(&store, user), Ok("news".to_owned()));
    }
    ask(&mut store, 3, ChannelChange::Unfollow);
    for user in 3..=4 {
        assert_eq!(info(&store, user), Err(Refusal::NoSuchConversation));
    }
}

#[test]
fn a_role_that_is_given_in_a_channel_is_told_at_once() {
    let mut store = channel(Indexing::Never);
    let mut devices: Vec<Device> = (1..=3).map(|user| Device::new(user, 2)).collect();
    let expect = |devices: &mut Vec<Device>, store: &GroupStore, roles: [proto::Role; 3]| {
        for (device, role) in devices.iter_mut().zip(roles) {
            device.sync(store);
            let of = device.user;
            assert_eq!(device.shown().map(|(_, shown)| shown), Some(role), "role of {of}");
            let mut late = Device::new(of, 2);
            late.sync(store);
            assert_eq!(late.shown(), device.shown(), "role of {of} for a new lineage");
        }
    };
    use proto::Role::{Admin, Member, Owner};
    let give = |store: &mut GroupStore, by, to, role| {
        store.change(by, GroupChange::GiveRole(UserId(to), role)).unwrap();
    };
    expect(&mut devices, &store, [Owner, Member, Member]);
    give(&mut store, 1, 3, Role::Admin);
    expect(&mut devices, &store, [Owner, Member, Admin]);
    give(&mut store, 1, 2, Role::Owner);
    expect(&mut devices, &store, [Admin, Owner, Admin]);
    give(&mut store, 2, 3, Role::Member);
    expect(&mut devices, &store, [Admin, Owner, Member]);
    ask(&mut store, 2, ChannelChange::Turn(Form::Group));
    store.drain();
    expect(&mut devices, &store, [Admin, Owner, Member]);
}

#[test]
fn an_export_has_the_channels_that_are_followed_and_those_that_were() {
    for indexing in [Indexing::Never, Indexing::Always] {
        let mut store = channel(indexing);
        store.send(1).unwrap();
        rename(&mut store, "news");
        ask(&mut store, 3, ChannelChange::Unfollow);
        store.send(1).unwrap();
        store.drain();
        let export = |user: u64| {
            let mut export = Export::new(UserId(user), None, &Kinds::of_server(&[]).unwrap());
            let (view, mut bytes) = (store.view(), Vec::new());
            loop {
                match export.next(&view).unwrap() {
                    Part::Bytes(part) => bytes.extend(part),
                    Part::Last(_) => return String::from_utf8_lossy(&bytes).into_owned(),
                    Part::Gone => panic!("{user} is there"),
                }
            }
        };
        let head = store.log().len() as u64;
        let entries = |user| export(user).matches("\"seq\":\"").count() as u64;
        assert_eq!(entries(1), head, "everything");
        assert_eq!(entries(3), 2, "a post and the name, and not what was said later");
        assert!(
            export(2).contains("news") && !export(2).contains("\\\"name\\\":\\\"team\\\""),
            "{}",
            export(2)
        );
    }
}

#[test]
fn names_of_now_are_told_in_random_histories() {
    const HISTORIES: u64 = 40;
    const STEPS: u64 = 80;
    for seed in 1..=HISTORIES {
        let mut random = SeededRandom(SeededRandom(seed).next_u64());
        let indexing = if random.one_in(2) { Indexing::Never } else { Indexing::Always };
        let mut store = channel(indexing);
        let mut devices: Vec<Device> =
            (1..=3).flat_map(|user| [1, 2].map(|level| Device::new(user, level))).collect();
        let mut form = Form::Channel;
        for step in 0..STEPS {
            let user = 2 + random.below(2);
            match random.below(12) {
                0..3 => rename(&mut store, &format!("name {step}")),
                3..5 => drop(store.send(1)),
                5 if form == Form::Channel => ask(&mut store, user, ChannelChange::Follow),
                6 if form == Form::Channel => {
                    let change = ChannelChange::Unfollow;
                    let by = device(user);
                    drop(store.submit(&Request::Channel(ChannelRequest { by, channel: GROUP, change })));
                }
                7 => {
                    form = if form == Form::Channel { Form::Group } else { Form::Channel };
                    let change = ChannelChange::Turn(form);
                    let request = Request::Channel(ChannelRequest { by: device(1), channel: GROUP, change });
                    if store.submit(&request).is_err() {
                        form = if form == Form::Channel { Form::Group } else { Form::Channel };
                    }
                }
                8 => store.crash(),
                9 => store.index(),
                10 => store.expand(),
                _ => {
                    let place = random.below(devices.len() as u64) as usize;
                    devices[place].sync(&store);
                }
            }
        }
        store.drain();
        for device in &mut devices {
            device.sync(&store);
            let mut late = Device::new(device.user, device.rendering.level);
            late.sync(&store);
            assert_eq!(device.shown(), late.shown(), "{} in history {seed}", device.user);
            let name = store.view().group(GROUP).unwrap().map(|row| row.name);
            let shown = device.shown().map(|(shown, _)| shown);
            assert!(shown.is_none() || shown == name, "{} in history {seed}: {shown:?}", device.user);
            let told = compared(&store, device.user, Vec::new()).map(|(name, _)| name);
            assert_eq!(told, shown, "without snapshots, {} in history {seed}", device.user);
        }
    }
}
