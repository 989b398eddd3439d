//! What one setting means for another: settings that are right by themselves and wrong together.

use std::net::SocketAddr;

use super::{
    Config, RegistrationMode, loading::Loading, sections::Engine, settings::index_of, sources::Source,
};

impl Loading {
    /// `server.dev` opens registration unless a source that is as strong says otherwise.
    pub(super) fn open_registration_for_dev(&mut self) {
        let index = index_of("registration.mode").expect("registration.mode is a setting");
        if self.config.server.dev && self.sources[index].strength() < self.source_of("server.dev").strength()
        {
            self.config.registration.mode = RegistrationMode::Open;
            self.sources[index] = Source::Dev;
        }
    }

    /// What is wrong between settings that are right by themselves: the setting to blame, and what is wrong.
    pub(super) fn contradictions(&self) -> [(&'static str, Option<String>); 12] {
        let Config { server, client, operator, storage, messages, cleanup, .. } = &self.config;
        let same = client.listen == operator.listen && client.listen.port() != 0;
        let may_forget = server.dev || matches!(self.source_of("storage.engine"), Source::Flag(_));
        [
            ("client.listen", exposure("client", client.listen, client.public_without_tls, server.dev)),
            ("operator.listen", exposure("operator", operator.listen, operator.public_without_tls, server.dev)),
            (
                self.stronger("operator.listen", "client.listen"),
                same.then(|| format!("is {}, and so is the other port's: they are two", client.listen)),
            ),
            self.config.identity.contradiction(),
            self.config.alarms.contradiction(),
            self.config.mail.contradiction(),
            self.config.reports.contradiction(&self.config.mail),
            self.config.otlp.contradiction(),
            (
                "storage.engine",
                (storage.engine == Engine::Memory && !may_forget)
                    .then(|| "is \"memory\", which forgets: only with server.dev or --memory-engine".to_owned()),
            ),
            (
                self.stronger("storage.index_after_bytes", "storage.tail_bytes_max"),
                (storage.index_after_bytes > storage.tail_bytes_max / 2).then(|| {
                    format!(
                        "does not fit: storage.index_after_bytes ({}) must be at most half of storage.tail_bytes_max ({})",
                        storage.index_after_bytes, storage.tail_bytes_max
                    )
                }),
            ),
            (
                self.stronger("cleanup.lineage_expiry_s", "client.heartbeat_ms"),
                (cleanup.lineage_expiry_ms() < silence_ms(client.heartbeat_ms)).then(|| {
                    format!(
                        "does not fit: cleanup.lineage_expiry_s ({}) must be at least two heartbeats (client.heartbeat_ms, {}), \
                         or a device that is connected would expire",
                        cleanup.lineage_expiry_s, client.heartbeat_ms
                    )
                }),
            ),
            (
                self.stronger("messages.bodies", "cleanup.inbox_retention_s"),
                messages.bodies.retention_ms().filter(|ms| *ms < self.config.policy().retentions.inbox_ms).map(|ms| {
                    format!(
                        "does not fit: messages.bodies (\"{}\", {} s) must not be shorter than cleanup.inbox_retention_s ({}), \
                         or an inbox would lead to what is gone",
                        messages.bodies, ms / 1000, cleanup.inbox_retention_s
                    )
                }),
            ),
        ]
    }

    /// Which of two settings to blame: the one that the stronger source set, because that was done last.
    fn stronger(&self, one: &'static str, other: &'static str) -> &'static str {
        if self.source_of(one).strength() >= self.source_of(other).strength() { one } else { other }
    }
}

/// How long a device that is connected may be silent: one heartbeat may come late.
fn silence_ms(heartbeat_ms: u32) -> i64 {
    2 * i64::from(heartbeat_ms)
}

/// Why an address may not be listened on.
fn exposure(section: &str, listen: SocketAddr, public_without_tls: bool, dev: bool) -> Option<String> {
    if listen.ip().to_canonical().is_loopback() {
        return None;
    }
    if dev {
        return Some(format!("is {listen}, but with server.dev only loopback addresses may be listened on"));
    }
    (!public_without_tls).then(|| {
        format!(
            "is {listen}, which others reach without TLS: put a TLS proxy before a loopback address, or say \
             {section}.public_without_tls = true"
        )
    })
}
