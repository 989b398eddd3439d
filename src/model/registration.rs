//! Who may make an account on the client port.

/// See the module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RegistrationMode {
    /// Nobody: operators alone.
    #[default]
    Closed,
    /// Who has a code from an operator.
    Invite,
    /// Everybody who reaches the port.
    Open,
}

impl RegistrationMode {
    /// Each with the name that it has in the configuration and towards clients.
    pub const NAMED: &[(&str, RegistrationMode)] = &[
        ("closed", RegistrationMode::Closed),
        ("invite", RegistrationMode::Invite),
        ("open", RegistrationMode::Open),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let named = Self::NAMED.iter().find(|(_, mode)| *mode == self);
        named.map(|(name, _)| *name).expect("each mode has a name")
    }
}
