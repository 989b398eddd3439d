//! Every setting: its key, and how its value goes in and comes out.

use super::{
    Config, RegistrationMode, alarms,
    bounds::{
        CHANNEL_ABOVE_MEMBERS, CLEANUP_PAUSE_MS, CONNECTIONS, DEVICES, GROUP_MEMBERS, GROUPS_OWNED,
        HEARTBEAT_MS, HOURS, INDEX_AFTER_BYTES, INDEX_CACHE_BYTES, LINEAGE_EXPIRY_S, POINT_DAYS,
        QUEUED_BYTES, READERS, RETENTION_S, SEGMENT_BYTES, STEP_POINTERS, TAIL_BYTES, WORKERS,
    },
    checks::{address, bodies, data_directory, log_level, origins},
    given::{Given, quoted, shown_kinds},
    identity::{
        KEYS_FLOOR_S, KEYS_REFRESH_S, LEEWAY_S, LIFETIME_S, algorithms, file, issuer, name_claim, private_url,
    },
    mail,
    names::{CLASS_RULES, ENGINES, LOG_FORMATS, STRANGERS, WHEN_FULL, named},
    otlp,
};

/// Read from nowhere but its flag, so that it is never left on.
pub(super) const FLAG_ONLY: &str = "storage.accept_loss";

/// A setting: its key, and how its value goes in and comes out.
pub(super) struct Setting {
    pub(super) key: &'static str,
    pub(super) set: fn(&mut Config, &Given) -> Result<(), String>,
    pub(super) show: fn(&Config) -> String,
}

/// A setting of one of the usual forms, by its place in the configuration.
macro_rules! setting {
    ($section:ident.$name:ident, truth) => {
        setting!(@ $section.$name, |given| given.truth(), |value| value.to_string())
    };
    ($section:ident.$name:ident, number($range:expr)) => {
        setting!(@ $section.$name, |given| given.number($range), |value| value.to_string())
    };
    ($section:ident.$name:ident, one_of($names:expr)) => {
        setting!(@ $section.$name, |given| given.one_of($names), |value| named($names, *value))
    };
    ($section:ident.$name:ident, text($checked:expr)) => {
        setting!(@ $section.$name, |given| given.string().and_then($checked), |value| quoted(value))
    };
    ($section:ident.$name:ident, file) => {
        setting!(@ $section.$name, |given| given.string().and_then(file), |value| quoted(&value.to_string_lossy()))
    };
    ($section:ident.$name:ident, list($checked:expr)) => {
        setting!(@ $section.$name, |given| given.list().and_then($checked), |value| listed(value))
    };
    (@ $section:ident.$name:ident, |$given:ident| $set:expr, |$value:ident| $show:expr) => {
        Setting {
            key: concat!(stringify!($section), ".", stringify!($name)),
            set: |config, $given| put(&mut config.$section.$name, $set),
            show: |config| {
                let $value = &config.$section.$name;
                $show
            },
        }
    };
}

/// Every setting, in the order of `config/highwater.toml`.
pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        key: "server.data",
        set: |c, given| put(&mut c.server.data, given.string().and_then(data_directory)),
        show: |c| quoted(&c.server.data.to_string_lossy()),
    },
    setting!(server.workers, number(WORKERS)),
    setting!(server.readers, number(READERS)),
    setting!(server.dev, truth),
    Setting {
        key: "client.listen",
        set: |c, given| put(&mut c.client.listen, given.string().and_then(address)),
        show: |c| quoted(&c.client.listen.to_string()),
    },
    setting!(client.origins, list(origins)),
    setting!(client.public_without_tls, truth),
    setting!(client.connections_max, number(CONNECTIONS)),
    setting!(client.heartbeat_ms, number(HEARTBEAT_MS)),
    setting!(client.queued_bytes_max, number(QUEUED_BYTES)),
    setting!(client.compares, truth),
    Setting {
        key: "operator.listen",
        set: |c, given| put(&mut c.operator.listen, given.string().and_then(address)),
        show: |c| quoted(&c.operator.listen.to_string()),
    },
    setting!(operator.public_without_tls, truth),
    setting!(registration.mode, one_of(RegistrationMode::NAMED)),
    setting!(accounts.strangers, one_of(STRANGERS)),
    setting!(identity.issuer, text(issuer)),
    setting!(identity.audience, text(issuer)),
    Setting {
        key: "identity.algorithms",
        set: |c, given| put(&mut c.identity.algorithms, given.list().and_then(algorithms)),
        show: |c| {
            let names = c.identity.algorithms.iter().map(|algorithm| quoted(algorithm.name()));
            format!("[{}]", names.collect::<Vec<_>>().join(", "))
        },
    },
    setting!(identity.keys_url, text(private_url)),
    setting!(identity.keys_file, file),
    setting!(identity.secret_file, file),
    setting!(identity.callback_url, text(private_url)),
    setting!(identity.callback_secret_file, file),
    setting!(identity.keys_refresh_s, number(KEYS_REFRESH_S)),
    setting!(identity.keys_floor_s, number(KEYS_FLOOR_S)),
    setting!(identity.leeway_s, number(LEEWAY_S)),
    setting!(identity.lifetime_max_s, number(LIFETIME_S)),
    setting!(identity.name_claim, text(name_claim)),
    setting!(devices.phone, one_of(CLASS_RULES)),
    setting!(devices.desktop, one_of(CLASS_RULES)),
    setting!(devices.tablet, one_of(CLASS_RULES)),
    setting!(devices.web, one_of(CLASS_RULES)),
    setting!(devices.unspecified, one_of(CLASS_RULES)),
    setting!(devices.devices_max, number(DEVICES)),
    setting!(devices.when_full, one_of(WHEN_FULL)),
    setting!(storage.engine, one_of(ENGINES)),
    setting!(storage.index_cache_bytes, number(INDEX_CACHE_BYTES)),
    setting!(storage.tail_bytes_max, number(TAIL_BYTES)),
    setting!(storage.index_after_bytes, number(INDEX_AFTER_BYTES)),
    setting!(storage.segment_bytes, number(SEGMENT_BYTES)),
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
    setting!(messages.read_watermarks, truth),
    setting!(messages.delivered_watermarks, truth),
    setting!(groups.members_max, number(GROUP_MEMBERS)),
    setting!(groups.owned_max, number(GROUPS_OWNED)),
    setting!(groups.step_pointers, number(STEP_POINTERS)),
    setting!(groups.channel_above_members, number(CHANNEL_ABOVE_MEMBERS)),
    setting!(cleanup.pause_ms, number(CLEANUP_PAUSE_MS)),
    setting!(cleanup.lineage_expiry_s, number(LINEAGE_EXPIRY_S)),
    setting!(cleanup.inbox_retention_s, number(RETENTION_S)),
    setting!(cleanup.tombstone_retention_s, number(RETENTION_S)),
    setting!(monitor.minute_days, number(POINT_DAYS)),
    setting!(monitor.five_minute_days, number(POINT_DAYS)),
    setting!(monitor.hour_days, number(POINT_DAYS)),
    setting!(alarms.webhook_url, text(private_url)),
    setting!(alarms.webhook_secret_file, file),
    Setting {
        key: "alarms.group",
        set: |c, given| put(&mut c.alarms.group, given.string().and_then(alarms::group)),
        show: |c| quoted(&c.alarms.group.map(|group| group.to_string()).unwrap_or_default()),
    },
    setting!(alarms.bot, text(alarms::bot)),
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
    setting!(mail.user, text(Ok)),
    setting!(mail.password_file, file),
    setting!(mail.roots_file, file),
    setting!(mail.from, text(mail::address)),
    setting!(mail.to, list(mail::addresses)),
    setting!(mail.name, text(mail::name)),
    setting!(reports.daily, truth),
    setting!(reports.weekly, truth),
    setting!(reports.hour, number(HOURS)),
    setting!(otlp.endpoint, text(otlp::endpoint)),
    setting!(otlp.interval_s, number(otlp::PUSH_INTERVAL_S)),
    setting!(otlp.instance, text(otlp::instance)),
    setting!(otlp.headers_file, file),
    setting!(log.format, one_of(LOG_FORMATS)),
    setting!(log.level, text(log_level)),
    setting!(log.requests, truth),
    Setting {
        key: "kinds",
        set: |c, given| put(&mut c.kinds, given.kinds()),
        show: |c| shown_kinds(&c.kinds),
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

fn listed(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}
