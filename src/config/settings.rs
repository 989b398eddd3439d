//! Every setting: its key, and how its value goes in and comes out.

use super::{
    Config, RegistrationMode, alarms,
    bounds::{
        CHANNEL_ABOVE_MEMBERS, CLEANUP_PAUSE_MS, CONNECTIONS, DEVICES, GROUP_MEMBERS, GROUPS_OWNED,
        HEARTBEAT_MS, INDEX_AFTER_BYTES, INDEX_CACHE_BYTES, LINEAGE_EXPIRY_S, POINT_DAYS, QUEUED_BYTES,
        READERS, RETENTION_S, SEGMENT_BYTES, STEP_POINTERS, TAIL_BYTES, WORKERS,
    },
    checks::{address, bodies, data_directory, log_level, origins},
    given::{Given, quoted},
    identity::{
        KEYS_FLOOR_S, KEYS_REFRESH_S, LEEWAY_S, LIFETIME_S, algorithms, file, issuer, name_claim, private_url,
    },
    mail,
    names::{CLASS_RULES, ENGINES, LOG_FORMATS, STRANGERS, WHEN_FULL, named},
    otlp,
    sections::DocumentKind,
};

/// Read from nowhere but its flag, so that it is never left on.
pub(super) const FLAG_ONLY: &str = "storage.accept_loss";

/// A setting: its key, and how its value goes in and comes out.
pub(super) struct Setting {
    pub(super) key: &'static str,
    pub(super) set: fn(&mut Config, &Given) -> Result<(), String>,
    pub(super) show: fn(&Config) -> String,
}

/// Every setting, in the order of `config/highwater.toml`.
pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        key: "server.data",
        set: |c, given| put(&mut c.server.data, given.string().and_then(data_directory)),
        show: |c| quoted(&c.server.data.to_string_lossy()),
    },
    Setting {
        key: "server.workers",
        set: |c, given| put(&mut c.server.workers, given.number(WORKERS)),
        show: |c| c.server.workers.to_string(),
    },
    Setting {
        key: "server.readers",
        set: |c, given| put(&mut c.server.readers, given.number(READERS)),
        show: |c| c.server.readers.to_string(),
    },
    Setting {
        key: "server.dev",
        set: |c, given| put(&mut c.server.dev, given.truth()),
        show: |c| c.server.dev.to_string(),
    },
    Setting {
        key: "client.listen",
        set: |c, given| put(&mut c.client.listen, given.string().and_then(address)),
        show: |c| quoted(&c.client.listen.to_string()),
    },
    Setting {
        key: "client.origins",
        set: |c, given| put(&mut c.client.origins, given.list().and_then(origins)),
        show: |c| format!("[{}]", c.client.origins.iter().map(|o| quoted(o)).collect::<Vec<_>>().join(", ")),
    },
    Setting {
        key: "client.public_without_tls",
        set: |c, given| put(&mut c.client.public_without_tls, given.truth()),
        show: |c| c.client.public_without_tls.to_string(),
    },
    Setting {
        key: "client.connections_max",
        set: |c, given| put(&mut c.client.connections_max, given.number(CONNECTIONS)),
        show: |c| c.client.connections_max.to_string(),
    },
    Setting {
        key: "client.heartbeat_ms",
        set: |c, given| put(&mut c.client.heartbeat_ms, given.number(HEARTBEAT_MS)),
        show: |c| c.client.heartbeat_ms.to_string(),
    },
    Setting {
        key: "client.queued_bytes_max",
        set: |c, given| put(&mut c.client.queued_bytes_max, given.number(QUEUED_BYTES)),
        show: |c| c.client.queued_bytes_max.to_string(),
    },
    Setting {
        key: "client.compares",
        set: |c, given| put(&mut c.client.compares, given.truth()),
        show: |c| c.client.compares.to_string(),
    },
    Setting {
        key: "operator.listen",
        set: |c, given| put(&mut c.operator.listen, given.string().and_then(address)),
        show: |c| quoted(&c.operator.listen.to_string()),
    },
    Setting {
        key: "operator.public_without_tls",
        set: |c, given| put(&mut c.operator.public_without_tls, given.truth()),
        show: |c| c.operator.public_without_tls.to_string(),
    },
    Setting {
        key: "registration.mode",
        set: |c, given| put(&mut c.registration.mode, given.one_of(RegistrationMode::NAMED)),
        show: |c| named(RegistrationMode::NAMED, c.registration.mode),
    },
    Setting {
        key: "accounts.strangers",
        set: |c, given| put(&mut c.accounts.strangers, given.one_of(STRANGERS)),
        show: |c| named(STRANGERS, c.accounts.strangers),
    },
    Setting {
        key: "identity.issuer",
        set: |c, given| put(&mut c.identity.issuer, given.string().and_then(issuer)),
        show: |c| quoted(&c.identity.issuer),
    },
    Setting {
        key: "identity.audience",
        set: |c, given| put(&mut c.identity.audience, given.string().and_then(issuer)),
        show: |c| quoted(&c.identity.audience),
    },
    Setting {
        key: "identity.algorithms",
        set: |c, given| put(&mut c.identity.algorithms, given.list().and_then(algorithms)),
        show: |c| {
            let names = c.identity.algorithms.iter().map(|algorithm| quoted(algorithm.name()));
            format!("[{}]", names.collect::<Vec<_>>().join(", "))
        },
    },
    Setting {
        key: "identity.keys_url",
        set: |c, given| put(&mut c.identity.keys_url, given.string().and_then(private_url)),
        show: |c| quoted(&c.identity.keys_url),
    },
    Setting {
        key: "identity.keys_file",
        set: |c, given| put(&mut c.identity.keys_file, given.string().and_then(file)),
        show: |c| quoted(&c.identity.keys_file.to_string_lossy()),
    },
    Setting {
        key: "identity.secret_file",
        set: |c, given| put(&mut c.identity.secret_file, given.string().and_then(file)),
        show: |c| quoted(&c.identity.secret_file.to_string_lossy()),
    },
    Setting {
        key: "identity.callback_url",
        set: |c, given| put(&mut c.identity.callback_url, given.string().and_then(private_url)),
        show: |c| quoted(&c.identity.callback_url),
    },
    Setting {
        key: "identity.callback_secret_file",
        set: |c, given| put(&mut c.identity.callback_secret_file, given.string().and_then(file)),
        show: |c| quoted(&c.identity.callback_secret_file.to_string_lossy()),
    },
    Setting {
        key: "identity.keys_refresh_s",
        set: |c, given| put(&mut c.identity.keys_refresh_s, given.number(KEYS_REFRESH_S)),
        show: |c| c.identity.keys_refresh_s.to_string(),
    },
    Setting {
        key: "identity.keys_floor_s",
        set: |c, given| put(&mut c.identity.keys_floor_s, given.number(KEYS_FLOOR_S)),
        show: |c| c.identity.keys_floor_s.to_string(),
    },
    Setting {
        key: "identity.leeway_s",
        set: |c, given| put(&mut c.identity.leeway_s, given.number(LEEWAY_S)),
        show: |c| c.identity.leeway_s.to_string(),
    },
    Setting {
        key: "identity.lifetime_max_s",
        set: |c, given| put(&mut c.identity.lifetime_max_s, given.number(LIFETIME_S)),
        show: |c| c.identity.lifetime_max_s.to_string(),
    },
    Setting {
        key: "identity.name_claim",
        set: |c, given| put(&mut c.identity.name_claim, given.string().and_then(name_claim)),
        show: |c| quoted(&c.identity.name_claim),
    },
    Setting {
        key: "devices.phone",
        set: |c, given| put(&mut c.devices.phone, given.one_of(CLASS_RULES)),
        show: |c| named(CLASS_RULES, c.devices.phone),
    },
    Setting {
        key: "devices.desktop",
        set: |c, given| put(&mut c.devices.desktop, given.one_of(CLASS_RULES)),
        show: |c| named(CLASS_RULES, c.devices.desktop),
    },
    Setting {
        key: "devices.tablet",
        set: |c, given| put(&mut c.devices.tablet, given.one_of(CLASS_RULES)),
        show: |c| named(CLASS_RULES, c.devices.tablet),
    },
    Setting {
        key: "devices.web",
        set: |c, given| put(&mut c.devices.web, given.one_of(CLASS_RULES)),
        show: |c| named(CLASS_RULES, c.devices.web),
    },
    Setting {
        key: "devices.unspecified",
        set: |c, given| put(&mut c.devices.unspecified, given.one_of(CLASS_RULES)),
        show: |c| named(CLASS_RULES, c.devices.unspecified),
    },
    Setting {
        key: "devices.devices_max",
        set: |c, given| put(&mut c.devices.devices_max, given.number(DEVICES)),
        show: |c| c.devices.devices_max.to_string(),
    },
    Setting {
        key: "devices.when_full",
        set: |c, given| put(&mut c.devices.when_full, given.one_of(WHEN_FULL)),
        show: |c| named(WHEN_FULL, c.devices.when_full),
    },
    Setting {
        key: "storage.engine",
        set: |c, given| put(&mut c.storage.engine, given.one_of(ENGINES)),
        show: |c| named(ENGINES, c.storage.engine),
    },
    Setting {
        key: "storage.index_cache_bytes",
        set: |c, given| put(&mut c.storage.index_cache_bytes, given.number(INDEX_CACHE_BYTES)),
        show: |c| c.storage.index_cache_bytes.to_string(),
    },
    Setting {
        key: "storage.tail_bytes_max",
        set: |c, given| put(&mut c.storage.tail_bytes_max, given.number(TAIL_BYTES)),
        show: |c| c.storage.tail_bytes_max.to_string(),
    },
    Setting {
        key: "storage.index_after_bytes",
        set: |c, given| put(&mut c.storage.index_after_bytes, given.number(INDEX_AFTER_BYTES)),
        show: |c| c.storage.index_after_bytes.to_string(),
    },
    Setting {
        key: "storage.segment_bytes",
        set: |c, given| put(&mut c.storage.segment_bytes, given.number(SEGMENT_BYTES)),
        show: |c| c.storage.segment_bytes.to_string(),
    },
    Setting {
        key: FLAG_ONLY,
        set: |c, given| put(&mut c.storage.accept_loss, given.truth()),
        show: |c| c.storage.accept_loss.to_string(),
    },
    Setting {
        key: "messages.bodies",
        set: |c, given| put(&mut c.messages.bodies, given.string().and_then(bodies)),
        show: |c| quoted(&c.messages.bodies.to_string()),
    },
    Setting {
        key: "messages.read_watermarks",
        set: |c, given| put(&mut c.messages.read_watermarks, given.truth()),
        show: |c| c.messages.read_watermarks.to_string(),
    },
    Setting {
        key: "messages.delivered_watermarks",
        set: |c, given| put(&mut c.messages.delivered_watermarks, given.truth()),
        show: |c| c.messages.delivered_watermarks.to_string(),
    },
    Setting {
        key: "groups.members_max",
        set: |c, given| put(&mut c.groups.members_max, given.number(GROUP_MEMBERS)),
        show: |c| c.groups.members_max.to_string(),
    },
    Setting {
        key: "groups.owned_max",
        set: |c, given| put(&mut c.groups.owned_max, given.number(GROUPS_OWNED)),
        show: |c| c.groups.owned_max.to_string(),
    },
    Setting {
        key: "groups.step_pointers",
        set: |c, given| put(&mut c.groups.step_pointers, given.number(STEP_POINTERS)),
        show: |c| c.groups.step_pointers.to_string(),
    },
    Setting {
        key: "groups.channel_above_members",
        set: |c, given| put(&mut c.groups.channel_above_members, given.number(CHANNEL_ABOVE_MEMBERS)),
        show: |c| c.groups.channel_above_members.to_string(),
    },
    Setting {
        key: "cleanup.pause_ms",
        set: |c, given| put(&mut c.cleanup.pause_ms, given.number(CLEANUP_PAUSE_MS)),
        show: |c| c.cleanup.pause_ms.to_string(),
    },
    Setting {
        key: "cleanup.lineage_expiry_s",
        set: |c, given| put(&mut c.cleanup.lineage_expiry_s, given.number(LINEAGE_EXPIRY_S)),
        show: |c| c.cleanup.lineage_expiry_s.to_string(),
    },
    Setting {
        key: "cleanup.inbox_retention_s",
        set: |c, given| put(&mut c.cleanup.inbox_retention_s, given.number(RETENTION_S)),
        show: |c| c.cleanup.inbox_retention_s.to_string(),
    },
    Setting {
        key: "cleanup.tombstone_retention_s",
        set: |c, given| put(&mut c.cleanup.tombstone_retention_s, given.number(RETENTION_S)),
        show: |c| c.cleanup.tombstone_retention_s.to_string(),
    },
    Setting {
        key: "monitor.minute_days",
        set: |c, given| put(&mut c.monitor.minute_days, given.number(POINT_DAYS)),
        show: |c| c.monitor.minute_days.to_string(),
    },
    Setting {
        key: "monitor.five_minute_days",
        set: |c, given| put(&mut c.monitor.five_minute_days, given.number(POINT_DAYS)),
        show: |c| c.monitor.five_minute_days.to_string(),
    },
    Setting {
        key: "monitor.hour_days",
        set: |c, given| put(&mut c.monitor.hour_days, given.number(POINT_DAYS)),
        show: |c| c.monitor.hour_days.to_string(),
    },
    Setting {
        key: "alarms.webhook_url",
        set: |c, given| put(&mut c.alarms.webhook_url, given.string().and_then(private_url)),
        show: |c| quoted(&c.alarms.webhook_url),
    },
    Setting {
        key: "alarms.webhook_secret_file",
        set: |c, given| put(&mut c.alarms.webhook_secret_file, given.string().and_then(file)),
        show: |c| quoted(&c.alarms.webhook_secret_file.to_string_lossy()),
    },
    Setting {
        key: "alarms.rules",
        set: |c, given| put(&mut c.alarms.rules, alarms::rules(given)),
        show: |c| alarms::shown(&c.alarms.rules),
    },
    Setting {
        key: "mail.server",
        set: |c, given| put(&mut c.mail.server, given.string().and_then(mail::server)),
        show: |c| quoted(&c.mail.server.as_ref().map(ToString::to_string).unwrap_or_default()),
    },
    Setting {
        key: "mail.user",
        set: |c, given| put(&mut c.mail.user, given.string()),
        show: |c| quoted(&c.mail.user),
    },
    Setting {
        key: "mail.password_file",
        set: |c, given| put(&mut c.mail.password_file, given.string().and_then(file)),
        show: |c| quoted(&c.mail.password_file.to_string_lossy()),
    },
    Setting {
        key: "mail.roots_file",
        set: |c, given| put(&mut c.mail.roots_file, given.string().and_then(file)),
        show: |c| quoted(&c.mail.roots_file.to_string_lossy()),
    },
    Setting {
        key: "mail.from",
        set: |c, given| put(&mut c.mail.from, given.string().and_then(mail::address)),
        show: |c| quoted(&c.mail.from),
    },
    Setting {
        key: "mail.to",
        set: |c, given| put(&mut c.mail.to, given.list().and_then(mail::addresses)),
        show: |c| format!("[{}]", c.mail.to.iter().map(|to| quoted(to)).collect::<Vec<_>>().join(", ")),
    },
    Setting {
        key: "mail.name",
        set: |c, given| put(&mut c.mail.name, given.string().and_then(mail::name)),
        show: |c| quoted(&c.mail.name),
    },
    Setting {
        key: "otlp.endpoint",
        set: |c, given| put(&mut c.otlp.endpoint, given.string().and_then(otlp::endpoint)),
        show: |c| quoted(&c.otlp.endpoint),
    },
    Setting {
        key: "otlp.interval_s",
        set: |c, given| put(&mut c.otlp.interval_s, given.number(otlp::PUSH_INTERVAL_S)),
        show: |c| c.otlp.interval_s.to_string(),
    },
    Setting {
        key: "otlp.instance",
        set: |c, given| put(&mut c.otlp.instance, given.string().and_then(otlp::instance)),
        show: |c| quoted(&c.otlp.instance),
    },
    Setting {
        key: "otlp.headers_file",
        set: |c, given| put(&mut c.otlp.headers_file, given.string().and_then(file)),
        show: |c| quoted(&c.otlp.headers_file.to_string_lossy()),
    },
    Setting {
        key: "log.format",
        set: |c, given| put(&mut c.log.format, given.one_of(LOG_FORMATS)),
        show: |c| named(LOG_FORMATS, c.log.format),
    },
    Setting {
        key: "log.level",
        set: |c, given| put(&mut c.log.level, given.string().and_then(log_level)),
        show: |c| quoted(&c.log.level),
    },
    Setting {
        key: "log.requests",
        set: |c, given| put(&mut c.log.requests, given.truth()),
        show: |c| c.log.requests.to_string(),
    },
    Setting {
        key: "kinds",
        set: |c, given| put(&mut c.kinds, given.kinds()),
        show: |c| {
            let one = |k: &DocumentKind| format!("{{ number = {}, name = {} }}", k.number, quoted(&k.name));
            format!("[{}]", c.kinds.iter().map(one).collect::<Vec<_>>().join(", "))
        },
    },
];

/// Position of a setting in [`SETTINGS`].
pub(super) fn index_of(key: &str) -> Option<usize> {
    SETTINGS.iter().position(|setting| setting.key == key)
}

fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}
