//! A decided operation as bytes in the commit log. Every release's bytes stay readable: `protocol/golden/records`.
//!
//! ```text
//! record  = length varint, version varint, effects…        (length counts what follows it)
//! effect  = tag byte, fields of the repository
//! ```

use std::sync::Arc;

use super::{
    accounts, api_keys, broadcasts, channels, contacts, conversations, devices, erasures,
    field::{Input, Malformed, put_bytes, put_fixed64, put_number, put_optional_text, put_time},
    group_doors, groups, horizon, host_identities, invites, items, lineages, messages, operators, readings,
    runs,
};
use crate::model::{
    ChannelEffect, Day, Delivery, Effect, GroupEffect, Kind, Operators, Owned, Record, UserId, Version,
    record::Item,
};

const ACCOUNT: u8 = 1;
const DEVICE: u8 = 2;
const DEVICE_ENDED: u8 = 3;
const CONVERSATION: u8 = 4;
const ITEM: u8 = 5;
const MESSAGE: u8 = 6;
const RUN: u8 = 7;
const INVITE: u8 = 8;
const INVITE_GONE: u8 = 9;
const LINEAGES: u8 = 10;
const TIME: u8 = 11;
const HORIZON: u8 = 12;
const ITEM_GONE: u8 = 13;
const GROUP: u8 = 40;
const MEMBER: u8 = 41;
const MEMBER_GONE: u8 = 42;
const FAN_OUT: u8 = 43;
const FAN_OUT_DONE: u8 = 44;
const EXPANDED: u8 = 45;
const CHANNEL: u8 = 46;
const FOLLOW: u8 = 47;
const FOLLOW_GONE: u8 = 48;
const FOLLOW_COUNT: u8 = 49;
const POSTED: u8 = 50;
const PROFILE_CHANGED: u8 = 51;
const CONTACT_TALLY: u8 = 60;
const HOST_IDENTITY: u8 = 70;
const API_KEYS: u8 = 71;
const ACCOUNT_GONE: u8 = 73;
const ERASURE: u8 = 74;
const READING: u8 = 80;
const DOOR: u8 = 85;
const OWNED: u8 = 86;
const BROADCASTS: u8 = 90;
const OPERATORS: u8 = 91;

/// Appends one record.
pub fn encode(out: &mut Vec<u8>, record: &Record) {
    let mut body = Vec::with_capacity(320);
    put_number(&mut body, record.version.0);
    for effect in &record.effects {
        encode_effect(&mut body, effect);
    }
    put_number(out, body.len() as u64);
    out.extend_from_slice(&body);
}

fn encode_effect(out: &mut Vec<u8>, effect: &Effect) {
    match effect {
        Effect::Account(account) => {
            out.push(ACCOUNT);
            accounts::encode(out, account);
        }
        Effect::Device(device) => {
            out.push(DEVICE);
            devices::encode(out, device);
        }
        Effect::Conversation(row) => {
            out.push(CONVERSATION);
            conversations::encode(out, row);
        }
        Effect::Item { user, item, supersedes } => encode_item(out, *user, item, *supersedes),
        Effect::Message(delivery) => {
            out.push(MESSAGE);
            encode_delivery(out, delivery);
        }
        Effect::Lineages(rows) => {
            out.push(LINEAGES);
            lineages::encode(out, rows);
        }
        Effect::Time(time) => {
            out.push(TIME);
            put_time(out, *time);
        }
        Effect::Horizon(horizon) => {
            out.push(HORIZON);
            horizon::encode(out, horizon);
        }
        Effect::Run(run) => {
            out.push(RUN);
            runs::encode(out, run);
        }
        Effect::Invite(invite) => {
            out.push(INVITE);
            invites::encode(out, invite);
        }
        Effect::AccountGone { .. }
        | Effect::DeviceEnded { .. }
        | Effect::ItemGone { .. }
        | Effect::InviteGone(_)
        | Effect::ProfileChanged(_) => encode_rowless(out, effect),
        Effect::Erasure(erasure) => {
            out.push(ERASURE);
            erasures::encode(out, erasure);
        }
        Effect::ContactTally(tally) => {
            out.push(CONTACT_TALLY);
            contacts::encode_tally(out, tally);
        }
        Effect::Owned(owned) => encode_owned(out, owned),
        Effect::HostIdentity(identity) => {
            out.push(HOST_IDENTITY);
            host_identities::encode(out, identity);
        }
        Effect::ApiKeys(keys) => {
            out.push(API_KEYS);
            api_keys::encode(out, keys);
        }
        Effect::Operators(all) => encode_operators(out, all),
        Effect::Group(effect) => encode_effect_on_group(out, effect),
        Effect::Channel(effect) => encode_effect_on_channel(out, effect),
        Effect::Reading(reading) => {
            out.push(READING);
            readings::encode(out, reading);
        }
    }
}

fn encode_item(out: &mut Vec<u8>, user: UserId, item: &Item, supersedes: Version) {
    out.push(ITEM);
    put_fixed64(out, user.0);
    items::encode(out, item);
    put_number(out, supersedes.0);
}

/// What is gone has no row to be written, and no more has what others are to be told.
fn encode_rowless(out: &mut Vec<u8>, effect: &Effect) {
    match effect {
        Effect::AccountGone { user, name } => {
            out.push(ACCOUNT_GONE);
            put_fixed64(out, user.0);
            put_optional_text(out, name.as_deref());
        }
        Effect::DeviceEnded { user, device, token } => {
            out.push(DEVICE_ENDED);
            put_fixed64(out, user.0);
            put_fixed64(out, device.0);
            out.extend_from_slice(token);
        }
        Effect::ItemGone { user, kind, key, version } => {
            out.push(ITEM_GONE);
            put_fixed64(out, user.0);
            out.push(kind.0);
            put_bytes(out, key.as_bytes());
            put_number(out, version.0);
        }
        Effect::InviteGone(hash) => {
            out.push(INVITE_GONE);
            out.extend_from_slice(hash);
        }
        Effect::ProfileChanged(user) => {
            out.push(PROFILE_CHANGED);
            put_fixed64(out, user.0);
        }
        _ => unreachable!("what is still there was written before"),
    }
}

fn encode_operators(out: &mut Vec<u8>, all: &Operators) {
    out.push(OPERATORS);
    operators::encode(out, all);
}

fn encode_owned(out: &mut Vec<u8>, owned: &Owned) {
    out.push(OWNED);
    groups::encode_owned(out, owned);
}

fn encode_effect_on_group(out: &mut Vec<u8>, effect: &GroupEffect) {
    match effect {
        GroupEffect::Row(row) => {
            out.push(GROUP);
            groups::encode(out, row);
        }
        GroupEffect::Member(row) => {
            out.push(MEMBER);
            groups::encode_member(out, row);
        }
        GroupEffect::MemberGone { group, user } => {
            out.push(MEMBER_GONE);
            put_fixed64(out, group.0);
            put_fixed64(out, user.0);
        }
        GroupEffect::FanOut { group, position: Some(position) } => {
            out.push(FAN_OUT);
            put_fixed64(out, group.0);
            groups::encode_position(out, position);
        }
        GroupEffect::FanOut { group, position: None } => {
            out.push(FAN_OUT_DONE);
            put_fixed64(out, group.0);
        }
        GroupEffect::Door(row) => {
            out.push(DOOR);
            group_doors::encode(out, row);
        }
        GroupEffect::Expanded(step) => {
            out.push(EXPANDED);
            groups::encode_expansion(out, step);
        }
    }
}

fn encode_effect_on_channel(out: &mut Vec<u8>, effect: &ChannelEffect) {
    match effect {
        ChannelEffect::Row(row) => {
            out.push(CHANNEL);
            channels::encode(out, row);
        }
        ChannelEffect::Follow(row) => {
            out.push(FOLLOW);
            channels::encode_follow(out, row);
        }
        ChannelEffect::FollowGone { user, channel } => {
            out.push(FOLLOW_GONE);
            put_fixed64(out, user.0);
            put_fixed64(out, channel.0);
        }
        ChannelEffect::FollowCount { user, follows } => {
            out.push(FOLLOW_COUNT);
            put_fixed64(out, user.0);
            channels::encode_follow_count(out, *follows);
        }
        ChannelEffect::Posted(posted) => {
            out.push(POSTED);
            channels::encode_posted(out, posted);
        }
        ChannelEffect::Broadcasts(rows) => {
            out.push(BROADCASTS);
            broadcasts::encode(out, rows);
        }
    }
}

fn encode_delivery(out: &mut Vec<u8>, delivery: &Delivery) {
    messages::encode(out, &delivery.message);
    put_number(out, u64::from(delivery.day.0));
    put_fixed64(out, delivery.fingerprint);
    groups::encode_pointers(out, &delivery.pointers);
}

/// Reads every record of a batch's payload, in order.
///
/// # Errors
/// When the payload is not a sequence of records, or one of a newer format.
pub fn decode_all(payload: &[u8]) -> Result<Vec<Record>, Malformed> {
    let mut input = Input::new(payload);
    let mut records = Vec::new();
    while !input.is_empty() {
        records.push(decode(Input::new(input.bytes("record")?))?);
    }
    Ok(records)
}

fn decode(mut input: Input<'_>) -> Result<Record, Malformed> {
    let version = input.version()?;
    let mut effects = Vec::new();
    while !input.is_empty() {
        effects.push(decode_effect(&mut input, version)?);
    }
    Ok(Record { version, effects })
}

fn decode_effect(input: &mut Input<'_>, version: Version) -> Result<Effect, Malformed> {
    Ok(match input.byte("effect")? {
        ACCOUNT => Effect::Account(accounts::decode(input)?),
        DEVICE => Effect::Device(devices::decode(input)?),
        ACCOUNT_GONE => Effect::AccountGone { user: input.user()?, name: input.optional_text("name")? },
        ERASURE => Effect::Erasure(erasures::decode(input)?),
        DEVICE_ENDED => Effect::DeviceEnded {
            user: input.user()?,
            device: input.device()?,
            token: input.array("token hash")?,
        },
        CONVERSATION => Effect::Conversation(conversations::decode(input)?),
        ITEM => {
            Effect::Item { user: input.user()?, item: items::decode(input)?, supersedes: input.version()? }
        }
        ITEM_GONE => Effect::ItemGone {
            user: input.user()?,
            kind: Kind(input.byte("kind")?),
            key: input.text("item key")?,
            version: input.version()?,
        },
        MESSAGE => Effect::Message(Arc::new(decode_delivery(input, version)?)),
        LINEAGES => Effect::Lineages(lineages::decode(input)?),
        TIME => Effect::Time(input.time()?),
        HORIZON => Effect::Horizon(horizon::decode(input)?),
        RUN => Effect::Run(runs::decode(input)?),
        INVITE => Effect::Invite(invites::decode(input)?),
        INVITE_GONE => Effect::InviteGone(input.array("invite hash")?),
        CONTACT_TALLY => Effect::ContactTally(contacts::decode_tally(input)?),
        PROFILE_CHANGED => Effect::ProfileChanged(input.user()?),
        READING => Effect::Reading(Box::new(readings::decode(input)?)),
        HOST_IDENTITY => Effect::HostIdentity(host_identities::decode(input)?),
        OWNED => Effect::Owned(groups::decode_owned(input)?),
        API_KEYS => Effect::ApiKeys(api_keys::decode(input)?),
        OPERATORS => Effect::Operators(operators::decode(input)?),
        tag @ (GROUP..=EXPANDED | DOOR) => Effect::Group(decode_effect_on_group(input, tag, version)?),
        tag => Effect::Channel(decode_effect_on_channel(input, tag, version)?),
    })
}

fn decode_effect_on_group(
    input: &mut Input<'_>,
    tag: u8,
    version: Version,
) -> Result<GroupEffect, Malformed> {
    Ok(match tag {
        GROUP => GroupEffect::Row(groups::decode(input)?),
        MEMBER => GroupEffect::Member(groups::decode_member(input)?),
        MEMBER_GONE => GroupEffect::MemberGone { group: input.conversation()?, user: input.user()? },
        FAN_OUT => {
            let group = input.conversation()?;
            GroupEffect::FanOut { group, position: Some(groups::decode_position(input)?) }
        }
        FAN_OUT_DONE => GroupEffect::FanOut { group: input.conversation()?, position: None },
        DOOR => GroupEffect::Door(group_doors::decode(input)?),
        EXPANDED => GroupEffect::Expanded(Arc::new(groups::decode_expansion(input, version)?)),
        tag => return Err(Malformed::Unknown { what: "effect", tag: u64::from(tag) }),
    })
}

fn decode_effect_on_channel(
    input: &mut Input<'_>,
    tag: u8,
    version: Version,
) -> Result<ChannelEffect, Malformed> {
    Ok(match tag {
        CHANNEL => ChannelEffect::Row(channels::decode(input)?),
        FOLLOW => ChannelEffect::Follow(channels::decode_follow(input)?),
        FOLLOW_GONE => ChannelEffect::FollowGone { user: input.user()?, channel: input.conversation()? },
        FOLLOW_COUNT => {
            let user = input.user()?;
            ChannelEffect::FollowCount { user, follows: channels::decode_follow_count(input)? }
        }
        POSTED => ChannelEffect::Posted(channels::decode_posted(input, version)?),
        BROADCASTS => ChannelEffect::Broadcasts(broadcasts::decode(input)?),
        tag => return Err(Malformed::Unknown { what: "effect", tag: u64::from(tag) }),
    })
}

fn decode_delivery(input: &mut Input<'_>, version: Version) -> Result<Delivery, Malformed> {
    let message = messages::decode(input)?;
    let day = Day(u32::try_from(input.number()?).map_err(|_| Malformed::Truncated("day"))?);
    let fingerprint = input.fixed64("fingerprint")?;
    let pointers = groups::decode_pointers(input)?;
    Ok(Delivery { version, message, day, fingerprint, pointers })
}
