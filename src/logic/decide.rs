//! The committer's decision: one operation against the state left by those before it.

use highwater_wire::Refusal;

use super::{
    accounts, api_keys, broadcasts, channels, contacts, erasure, fan_out, group_needs, groups, lineages,
    on_behalf,
    operation::{Answer, EndDevices, NO_DEVICE, Operation, Principal, Request},
    operator_changes, passwords, privacy, profiles, reading, retention, send,
    state::{Need, State},
    strangers, suspension, turns,
};
use crate::model::{
    Effect, Record, Version,
    record::{Item, ItemValue},
};

/// A decision that was not a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// What goes into the log; `None` when nothing changes (a resend that was recognised).
    pub record: Option<Record>,
    /// What is told once it is durable.
    pub answer: Answer,
}

impl Decided {
    /// A decision that changes nothing.
    pub(super) fn unchanged(answer: Answer) -> Decided {
        Decided { record: None, answer }
    }

    /// A decision with effects.
    pub(super) fn changed(version: Version, effects: Vec<Effect>, answer: Answer) -> Decided {
        Decided { record: Some(Record { version, effects }), answer }
    }
}

/// What must be in memory before `decide` may run, as far as it can be told from what is held.
///
/// When it is empty nothing lacks; else the rows are warmed and it is asked again.
#[must_use]
pub fn lacking(state: &State, operation: &Operation) -> Vec<Need> {
    let mut needs = Needs { state, lacking: Vec::new() };
    match &operation.request {
        Request::Send(send) => send::needs(&mut needs, operation.at, send),
        Request::Register(register) => accounts::register_needs(&mut needs, register),
        Request::AddDevice(device) => accounts::add_device_needs(&mut needs, device),
        Request::EndDevices { by, which } => accounts::end_devices_needs(&mut needs, *by, *which),
        Request::EndDevice { user, device } => accounts::end_device_needs(&mut needs, *user, *device),
        Request::ChangePassword(change) => {
            accounts::end_devices_needs(&mut needs, change.by, EndDevices::AllOthers);
        }
        Request::SetPassword { user, .. } | Request::Suspend { user, .. } => {
            accounts::all_devices_needs(&mut needs, *user)
        }
        Request::Erase(request) => erasure::needs(&mut needs, request),
        Request::OpenLineage(open) => lineages::open_needs(&mut needs, open),
        Request::HandBack { user, .. } | Request::Expire(user) => {
            needs.need(Need::Lineages(*user));
        }
        Request::RetireInbox { user, .. } | Request::RetireTombstones { user, .. } => {
            needs.need(Need::Lineages(*user));
        }
        Request::RetireBodies { conversation, .. } => retention::bodies_needs(&mut needs, *conversation),
        Request::RemoveTombstones { user, kind, tombstones } => {
            needs.need(Need::Lineages(*user));
            for (key, _) in tombstones {
                needs.need(Need::Item(*user, *kind, key.clone()));
            }
        }
        Request::Reading(request) => reading::needs(&mut needs, request),
        Request::SetPrivacy { by, .. } => privacy::needs(&mut needs, *by),
        Request::SetStrangers { by, .. } => strangers::needs(&mut needs, *by),
        Request::Profile(request) => profiles::needs(&mut needs, request),
        Request::Group(request) => group_needs::needs(&mut needs, request),
        Request::Channel(request) => channels::needs(&mut needs, request),
        Request::ApiKey(_) => {
            needs.need(Need::ApiKeys);
        }
        Request::Operator(_) => {
            needs.need(Need::Operators);
        }
        Request::MakeUser(make) => api_keys::make_user_needs(&mut needs, make),
        Request::OnBehalf(on_behalf) => {
            on_behalf::needs(&mut needs, on_behalf);
            for need in lacking(state, &on_behalf.operation) {
                needs.need(need);
            }
        }
        Request::Turn(group, to) => turns::unasked_needs(&mut needs, *group, *to),
        Request::Broadcast(request) => broadcasts::needs(&mut needs, request),
        Request::ForgetFollow { user, channel, .. } => channels::forget_needs(&mut needs, *user, *channel),
        Request::Expand(group) => fan_out::expand_needs(&mut needs, *group),
        Request::ChangeContact(change) => contacts::needs(&mut needs, change),
        Request::Invite(_) | Request::StoreTime | Request::AcceptTime => {}
        Request::PutDocument { user, kind, key, .. } => {
            needs.need(Need::Account(*user));
            needs.need(Need::Item(*user, *kind, key.clone()));
        }
    }
    needs.lacking
}

/// Decides one operation as `version`, and changes `state` accordingly.
///
/// Deterministic: the same state, operation and version give the same effects. A refusal changes nothing.
///
/// # Errors
/// The refusal to be told to whoever asked.
pub fn decide(state: &mut State, operation: &Operation, version: Version) -> Result<Decided, Refusal> {
    match &operation.request {
        Request::Send(send) => send::decide(state, operation.at, send, version),
        Request::Register(register) => accounts::register(state, operation.at, register, version),
        Request::AddDevice(device) => accounts::add_device(state, operation.at, device, version),
        Request::EndDevices { by, which } => accounts::end_devices(state, *by, *which, version),
        Request::EndDevice { user, device } => accounts::end_device(state, *user, *device, version),
        Request::ChangePassword(change) => passwords::change(state, change, version),
        Request::SetPassword { user, password, end_devices } => {
            passwords::set(state, *user, password, *end_devices, version)
        }
        Request::Suspend { user, suspended } => suspension::decide(state, *user, *suspended, version),
        Request::Erase(request) => erasure::decide(state, operation.at, request, version),
        Request::OpenLineage(open) => lineages::open(state, open, version),
        Request::HandBack { user, handed } => Ok(lineages::hand_back(state, *user, handed, version)),
        Request::Expire(user) => Ok(lineages::expire(state, *user, version)),
        Request::RetireInbox { user, through } => {
            Ok(retention::retire_inbox(state, *user, *through, version))
        }
        Request::RetireTombstones { user, kind, through } => {
            Ok(retention::retire_tombstones(state, (*user, *kind), *through, version))
        }
        Request::RemoveTombstones { user, kind, tombstones } => {
            Ok(retention::remove_tombstones(state, (*user, *kind), tombstones, version))
        }
        Request::RetireBodies { conversation, oldest, through, .. } => {
            Ok(retention::retire_bodies(state, *conversation, (*oldest, *through), version))
        }
        Request::ChangeContact(change) => contacts::decide(state, change, version),
        Request::StoreTime => Ok(retention::store_time(state, operation.at, version)),
        Request::AcceptTime => {
            state.time.accept(operation.at);
            Ok(retention::store_time(state, operation.at, version))
        }
        Request::Reading(request) => reading::decide(state, request, version),
        Request::SetPrivacy { by, hides_read } => privacy::decide(state, *by, *hides_read, version),
        Request::SetStrangers { by, strangers } => strangers::decide(state, *by, *strangers, version),
        Request::Profile(request) => profiles::decide(state, operation.at, request, version),
        Request::Group(request) => groups::decide(state, operation.at, request, version),
        Request::Channel(request) => channels::decide(state, operation.at, request, version),
        Request::ApiKey(change) => api_keys::decide(state, operation.at, change, version),
        Request::Operator(change) => operator_changes::decide(state, change, version),
        Request::MakeUser(make) => api_keys::make_user(state, operation.at, make, version),
        Request::OnBehalf(on_behalf) => on_behalf::decide(state, on_behalf, version),
        Request::Turn(group, to) => turns::decide_unasked(state, operation.at, *group, *to, version),
        Request::Broadcast(request) => broadcasts::decide(state, request, version),
        Request::ForgetFollow { user, channel, through, last } => {
            Ok(channels::forget(state, (*user, *channel), (*through, *last), version))
        }
        Request::Expand(group) => Ok(fan_out::expand(state, *group, version)),
        Request::Invite(invite) => {
            state.invites.change(invite.hash, Some(*invite), version);
            Ok(Decided::changed(version, vec![Effect::Invite(*invite)], Answer::Done))
        }
        Request::PutDocument { user, kind, key, value } => {
            if !matches!(state.accounts.get(user), Some(Some(_))) {
                return Err(Refusal::NoSuchUser);
            }
            let value = value.clone().map(ItemValue::Document);
            let item = Item { kind: *kind, key: key.clone(), version, value };
            let effect = put_item(state, *user, item);
            Ok(Decided::changed(version, vec![effect], Answer::Done))
        }
    }
}

/// Whether the device that asks may still ask: judged here, inside the commit, and nowhere else for good. Who asks for a
/// user without a device was judged by `on_behalf::decide` just now.
pub(super) fn authorise(state: &State, by: Principal) -> Result<(), Refusal> {
    if by.device == NO_DEVICE {
        return if state.vouched == Some(by.user) { Ok(()) } else { Err(Refusal::InvalidToken) };
    }
    match state.devices.get(&by.device) {
        Some(Some(device)) if device.user == by.user && device.suspended => Err(Refusal::AccountSuspended),
        Some(Some(device)) if device.user == by.user => Ok(()),
        _ => Err(Refusal::InvalidToken),
    }
}

/// Gives an item a new value and says which version that supersedes.
pub(super) fn put_item(state: &mut State, user: crate::model::UserId, item: Item) -> Effect {
    let key = (user, item.kind, item.key.clone());
    let supersedes = state.items.get(&key).copied().unwrap_or(Version(0));
    state.items.change(key, item.version, item.version);
    Effect::Item { user, item, supersedes }
}

/// Collects what is lacking, each row once.
pub(super) struct Needs<'a> {
    /// What is held.
    pub(super) state: &'a State,
    lacking: Vec<Need>,
}

impl Needs<'_> {
    /// Asks for a row; true when it is held.
    pub(super) fn need(&mut self, need: Need) -> bool {
        if self.state.holds(&need) {
            return true;
        }
        if !self.lacking.contains(&need) {
            self.lacking.push(need);
        }
        false
    }
}
