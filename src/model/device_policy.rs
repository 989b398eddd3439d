//! Login policy: how many devices of a class, and how many in all, one user may have signed in at a time.

use super::limits::DEVICES_PER_USER_MAX;

/// What a sign-in means for the user's devices of the same class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClassRule {
    /// Nothing: there may be many.
    #[default]
    Many,
    /// They end in the same operation.
    Replace,
    /// It is refused while one of them is live.
    Refuse,
}

/// What a sign-in means when there are as many devices as there may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest ends.
    #[default]
    EndOldest,
    /// It is refused while all of them are live.
    Refuse,
}

/// See the module. The numbers of classes are those of the wire's `DeviceClass`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DevicePolicy {
    /// For devices that do not say what they are.
    pub unspecified: ClassRule,
    /// For class 1.
    pub phone: ClassRule,
    /// For class 2.
    pub desktop: ClassRule,
    /// For class 3.
    pub tablet: ClassRule,
    /// For class 4.
    pub web: ClassRule,
    /// Devices of one user, of every class together; at most [`DEVICES_PER_USER_MAX`].
    pub devices_max: usize,
    /// What a sign-in beyond it means.
    pub when_full: WhenFull,
}

impl Default for DevicePolicy {
    fn default() -> DevicePolicy {
        let many = ClassRule::Many;
        DevicePolicy {
            unspecified: many,
            phone: many,
            desktop: many,
            tablet: many,
            web: many,
            devices_max: DEVICES_PER_USER_MAX,
            when_full: WhenFull::EndOldest,
        }
    }
}

impl DevicePolicy {
    /// The rule of a class. A number that is no class counts as unspecified.
    #[must_use]
    pub fn rule(&self, class: u8) -> ClassRule {
        match class {
            1 => self.phone,
            2 => self.desktop,
            3 => self.tablet,
            4 => self.web,
            _ => self.unspecified,
        }
    }

    /// Devices of one class that a user can have at a time.
    #[must_use]
    pub fn of_class_max(&self, class: u8) -> usize {
        match self.rule(class) {
            ClassRule::Many => self.devices_max,
            ClassRule::Replace | ClassRule::Refuse => 1,
        }
    }
}
