//! `[mail]`: the server that takes mail, and who writes to whom. What is written is not known here.

use std::{fmt, net::IpAddr, path::PathBuf};

use super::given::quoted;

/// Who gets mail. Source: more people than that have a list with one address.
const TO_MAX: usize = 20;
/// Bytes of an address. Source: RFC 5321, 4.5.3.1.3, without the angle brackets.
const ADDRESS_BYTES_MAX: usize = 254;
/// Bytes of a server's name in subjects. Source: what a list of mails shows of a subject.
const NAME_BYTES_MAX: usize = 40;

/// `[mail]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mail {
    /// Who takes mail; `None`: no mail is sent.
    pub server: Option<MailServer>,
    /// As whom; empty: the server does not ask.
    pub user: String,
    /// A file with the password; empty: none.
    pub password_file: PathBuf,
    /// A file with the certificates that are believed instead of the public ones; empty: the public ones.
    pub roots_file: PathBuf,
    /// Who writes.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
    /// What this server is called in subjects; may be empty.
    pub name: String,
}

/// A server that takes mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub security: MailSecurity,
}

/// What protects mail on its way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// Nothing: it is on this machine.
    Loopback,
    /// TLS after a first word (STARTTLS), or no mail.
    StartTls,
    /// TLS from the beginning.
    Tls,
}

impl Mail {
    /// What is wrong between the settings: the setting to blame, and what is wrong.
    pub(super) fn contradiction(&self) -> (&'static str, Option<String>) {
        let (user, password) = (!self.user.is_empty(), !self.password_file.as_os_str().is_empty());
        let (from, to) = (!self.from.is_empty(), !self.to.is_empty());
        let roots = !self.roots_file.as_os_str().is_empty();
        let alone = Some("means nothing without mail.server, which takes mail".to_owned());
        let needs = |what: &str| Some(format!("needs {what} beside it"));
        let Some(server) = &self.server else {
            let given = [
                ("mail.user", user),
                ("mail.password_file", password),
                ("mail.roots_file", roots),
                ("mail.from", from),
                ("mail.to", to),
                ("mail.name", !self.name.is_empty()),
            ];
            let first = given.into_iter().find(|(_, given)| *given);
            return first.map_or(("mail.server", None), |(key, _)| (key, alone));
        };
        match (from, to, user, password) {
            (false, ..) => ("mail.server", needs("mail.from, who writes")),
            (_, false, ..) => ("mail.server", needs("mail.to, who is written to")),
            (_, _, true, false) => ("mail.user", needs("mail.password_file")),
            (_, _, false, true) => ("mail.password_file", needs("mail.user")),
            _ if roots && server.security == MailSecurity::Loopback => {
                ("mail.roots_file", Some("means nothing without TLS, and mail.server has none".to_owned()))
            }
            _ => ("mail.server", None),
        }
    }
}

/// As it stands in the file.
impl fmt::Display for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.security == MailSecurity::Tls { "smtps" } else { "smtp" };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

pub(super) fn server(text: String) -> Result<Option<MailServer>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let (is_tls, rest) = match (text.strip_prefix("smtps://"), text.strip_prefix("smtp://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Err(not_a_server(&text)),
    };
    let (host, port) = match rest.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once("]:").ok_or_else(|| not_a_server(&text))?,
        None => rest.rsplit_once(':').ok_or_else(|| not_a_server(&text))?,
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let address = host.parse::<IpAddr>().ok();
    let is_host = match address {
        Some(address) => address.is_ipv6() == rest.starts_with('['),
        None => !host.is_empty() && host.bytes().all(plain) && !rest.starts_with('['),
    };
    let port = port.parse().ok().filter(|port| *port != 0 && is_host).ok_or_else(|| not_a_server(&text))?;
    let here = host == "localhost" || address.is_some_and(|address| address.to_canonical().is_loopback());
    let security = match (is_tls, here) {
        (true, _) => MailSecurity::Tls,
        (false, true) => MailSecurity::Loopback,
        (false, false) => MailSecurity::StartTls,
    };
    Ok(Some(MailServer { host: host.to_owned(), port, security }))
}

fn not_a_server(text: &str) -> String {
    format!("must be smtps://HOST:PORT or smtp://HOST:PORT, not {}", quoted(text))
}

/// One address, or none.
pub(super) fn address(text: String) -> Result<String, String> {
    let parts = text.rsplit_once('@');
    let right = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    // Nothing that could end an address or a line of a mail.
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>(),;:\\\"[]".contains(&byte));
    if text.is_empty() || (right && plain && text.len() <= ADDRESS_BYTES_MAX) {
        return Ok(text);
    }
    Err(format!("must be an address such as alarms@example.org, not {}", quoted(&text)))
}

pub(super) fn addresses(list: Vec<String>) -> Result<Vec<String>, String> {
    if list.len() > TO_MAX {
        return Err(format!("has {} addresses, at most {TO_MAX} are written to: use a list's", list.len()));
    }
    let list: Vec<String> = list.into_iter().map(address).collect::<Result<_, _>>()?;
    match list.iter().enumerate().find(|(at, one)| one.is_empty() || list[..*at].contains(one)) {
        Some((_, one)) if one.is_empty() => Err("has an address that is empty".to_owned()),
        Some((_, one)) => Err(format!("has {} twice", quoted(one))),
        None => Ok(list),
    }
}

pub(super) fn name(text: String) -> Result<String, String> {
    let plain = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if plain && text.len() <= NAME_BYTES_MAX && text.trim() == text && !text.contains(['[', ']']) {
        return Ok(text);
    }
    Err(format!(
        "must be at most {NAME_BYTES_MAX} letters without brackets, such as \"chat-eu\", not {}",
        quoted(&text)
    ))
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{error_of, load_text},
        *,
    };

    fn security(server: &str) -> Option<MailSecurity> {
        let text = format!("[mail]\nserver = \"{server}\"\nfrom = \"a@b.example\"\nto = [\"c@d.example\"]\n");
        let server = load_text(&text).ok().and_then(|config| config.mail.server)?;
        assert_eq!(
            super::server(server.to_string()),
            Ok(Some(server.clone())),
            "as it is shown it can be given"
        );
        Some(server.security)
    }

    #[test]
    fn mail_is_protected_unless_it_stays_on_this_machine() {
        for here in [
            "smtp://127.0.0.1:25",
            "smtp://localhost:2525",
            "smtp://[::1]:25",
            "smtp://[::ffff:127.0.0.1]:25",
        ] {
            assert_eq!(security(here), Some(MailSecurity::Loopback), "{here}");
        }
        for away in ["smtp://mail.example.org:587", "smtp://192.0.2.1:25", "smtp://localhost.example.org:25"]
        {
            assert_eq!(security(away), Some(MailSecurity::StartTls), "{away}");
        }
        for tls in ["smtps://mail.example.org:465", "smtps://127.0.0.1:465"] {
            assert_eq!(security(tls), Some(MailSecurity::Tls), "{tls}");
        }
    }

    #[test]
    fn what_is_wrong_is_refused_by_name() {
        for (text, expected) in [
            ("server = \"mail.example.org:25\"", "must be smtps://HOST:PORT"),
            ("server = \"smtp://mail.example.org\"", "must be smtps://HOST:PORT"),
            ("server = \"smtp://a@mail.example.org:25\"", "must be smtps://HOST:PORT"),
            ("server = \"smtp://mail.example.org:25/x\"", "must be smtps://HOST:PORT"),
            ("server = \"smtp://mail.example.org:0\"", "must be smtps://HOST:PORT"),
            ("server = \"smtp://[mail.example.org]:25\"", "must be smtps://HOST:PORT"),
            ("server = \"smtp://[127.0.0.1]:25\"", "must be smtps://HOST:PORT"),
            ("server = \"https://mail.example.org:25\"", "must be smtps://HOST:PORT"),
            ("from = \"nobody\"", "must be an address"),
            ("from = \"Me <a@b.example>\"", "must be an address"),
            ("from = \"a@b.example\\r\\nBcc: c@d.example\"", "must be an address"),
            ("to = [\"a@b.example\", \"a@b.example\"]", "has \"a@b.example\" twice"),
            ("to = [\"\"]", "has an address that is empty"),
            ("name = \"a]b\"", "letters without brackets"),
            ("name = \"a\\nb\"", "letters without brackets"),
            ("name = \"eu\"", "mail.name means nothing without mail.server"),
            ("from = \"a@b.example\"", "mail.from means nothing without mail.server"),
            ("server = \"smtp://127.0.0.1:25\"", "needs mail.from"),
            ("server = \"smtp://127.0.0.1:25\"\nfrom = \"a@b.example\"", "needs mail.to"),
        ] {
            let error = error_of(&format!("[mail]\n{text}\n"));
            assert!(error.contains(expected), "{text}: {error}");
        }
        let many: Vec<String> = (0..=TO_MAX).map(|number| format!("\"a{number}@b.example\"")).collect();
        let error = error_of(&format!("[mail]\nto = [{}]\n", many.join(", ")));
        assert!(error.contains("has 21 addresses, at most 20"), "{error}");
        let whole =
            "[mail]\nserver = \"smtp://127.0.0.1:25\"\nfrom = \"a@b.example\"\nto = [\"c@d.example\"]\n";
        for (line, expected) in [
            ("user = \"u\"", "mail.user needs mail.password_file"),
            ("password_file = \"p\"", "mail.password_file needs mail.user"),
            ("roots_file = \"r\"", "means nothing without TLS"),
        ] {
            let error = error_of(&format!("{whole}{line}\n"));
            assert!(error.contains(expected), "{line}: {error}");
        }
        assert!(load_text(whole).is_ok());
    }
}
