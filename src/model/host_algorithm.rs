//! By what a host app may sign what it says of its users.

/// An algorithm of signatures. There is no "none", so nothing can be set or sent that leaves a token unsigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// HMAC with SHA-256: who can verify can also sign.
    Hs256,
}

impl HostAlgorithm {
    /// Every algorithm, by its name in a token's header. Source: RFC 7518, 3.1, and RFC 8037, 3.1.
    pub const NAMES: &[(&'static str, HostAlgorithm)] = &[
        ("RS256", HostAlgorithm::Rs256),
        ("ES256", HostAlgorithm::Es256),
        ("EdDSA", HostAlgorithm::EdDsa),
        ("HS256", HostAlgorithm::Hs256),
    ];

    /// The algorithm of a name, which is compared exactly.
    #[must_use]
    pub fn named(name: &str) -> Option<HostAlgorithm> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }

    /// Its name in a token's header.
    #[must_use]
    pub fn name(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(_, algorithm)| *algorithm == self);
        named.map_or("", |(name, _)| name)
    }
}
