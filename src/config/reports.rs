//! `[reports]`: which reports are written to operators, and when.

use super::mail::Mail;

/// `[reports]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reports {
    /// One of each day.
    pub daily: bool,
    /// One of each week.
    pub weekly: bool,
    /// At which hour of the next day, UTC.
    pub hour: u8,
}

impl Default for Reports {
    fn default() -> Reports {
        Reports { daily: false, weekly: false, hour: 6 }
    }
}

impl Reports {
    /// What is wrong with reports and mail: the setting to blame, and what is wrong.
    pub(super) fn contradiction(&self, mail: &Mail) -> (&'static str, Option<String>) {
        let without = "needs mail.server, which takes the reports";
        match (self.daily, self.weekly) {
            (true, _) if mail.server.is_none() => ("reports.daily", Some(without.to_owned())),
            (_, true) if mail.server.is_none() => ("reports.weekly", Some(without.to_owned())),
            _ => ("reports.daily", None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{error_of, load_text};

    #[test]
    fn reports_need_mail_and_an_hour() {
        let mail =
            "[mail]\nserver = \"smtp://127.0.0.1:25\"\nfrom = \"a@b.example\"\nto = [\"c@d.example\"]\n";
        for (text, expected) in [
            ("daily = true", "reports.daily needs mail.server"),
            ("weekly = true", "reports.weekly needs mail.server"),
            ("hour = 24", "reports.hour"),
        ] {
            let error = error_of(&format!("[reports]\n{text}\n"));
            assert!(error.contains(expected), "{text}: {error}");
        }
        let both = load_text(&format!("{mail}[reports]\ndaily = true\nweekly = true\nhour = 23\n"));
        assert!(both.is_ok_and(|config| config.reports.weekly && config.reports.hour == 23));
        assert!(load_text("[reports]\nhour = 0\n").is_ok());
    }
}
