//! Mail put together: the server that takes it, the password, who writes to whom.

use std::{path::PathBuf, sync::Arc};

use super::identity::{IdentityFault, read, secret};
use crate::{
    actors::{
        mailer::{Address, AddressError, Correspondents, Mailer},
        smtp::{HandOver, RootsFault, SmtpParts, smtp},
    },
    config::Mail,
    model::{Clock, record::SecretHash},
};

/// Bytes of a password. Source: as those of the other secrets.
const PASSWORD_BYTES_MAX: usize = 1024;

/// Bytes of the certificates that are believed. Source: a list of all public authorities has 200 KB.
const ROOTS_BYTES_MAX: usize = 1024 * 1024;

/// Why mail cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum MailFault {
    /// The file of the password or the certificates.
    #[error("a file for the mail server cannot be used")]
    File(#[from] IdentityFault),
    /// The password.
    #[error("{} must hold a password of 1 to {PASSWORD_BYTES_MAX} bytes", path.display())]
    Password {
        /// Which file.
        path: PathBuf,
    },
    /// There are no certificates in it, or it is too long.
    #[error("{} has no certificate in PEM, or more than {ROOTS_BYTES_MAX} bytes", path.display())]
    NoRoots {
        /// Which.
        path: PathBuf,
    },
    /// The certificates.
    #[error(transparent)]
    Roots(#[from] RootsFault),
    /// An address.
    #[error("{address} is no address that mail can be sent to")]
    Address {
        /// Which.
        address: String,
        /// Why.
        source: AddressError,
    },
}

/// What is wrong with the addresses or the files, if anything. No server is asked.
pub(super) fn check_files(mail: &Mail) -> Result<(), MailFault> {
    parts(mail).map(drop)
}

/// Who writes to operators; `None` if nobody does. `clock` is that of alarms.
pub(super) fn mailer(mail: &Mail, salt: SecretHash, clock: &Clock) -> Result<Option<Arc<Mailer>>, MailFault> {
    let made = |(hand_over, who)| Arc::new(Mailer::new(hand_over, who, salt, clock.clone()));
    Ok(parts(mail)?.map(made))
}

fn parts(mail: &Mail) -> Result<Option<(HandOver, Correspondents)>, MailFault> {
    let Some(server) = mail.server.clone() else {
        return Ok(None);
    };
    let who = Correspondents {
        from: address(&mail.from)?,
        to: mail.to.iter().map(|to| address(to)).collect::<Result<_, _>>()?,
        name: mail.name.clone(),
    };
    let hand_over = smtp(SmtpParts { server, credentials: credentials(mail)?, roots: roots(mail)? })?;
    Ok(Some((hand_over, who)))
}

fn address(address: &str) -> Result<Address, MailFault> {
    address.parse().map_err(|source| MailFault::Address { address: address.to_owned(), source })
}

fn credentials(mail: &Mail) -> Result<Option<(String, String)>, MailFault> {
    if mail.user.is_empty() {
        return Ok(None);
    }
    let path = &mail.password_file;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let fits = |password: &String| (1..=PASSWORD_BYTES_MAX).contains(&password.len());
    let password = secret(path, |bytes| Some(text(bytes).filter(fits)))?;
    let password = password.ok_or_else(|| MailFault::Password { path: path.clone() })?;
    Ok(Some((mail.user.clone(), password)))
}

fn roots(mail: &Mail) -> Result<Option<(PathBuf, Vec<u8>)>, MailFault> {
    let path = mail.roots_file.clone();
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let (pem, _mode) = read(&path, ROOTS_BYTES_MAX)?;
    let has_one = pem.len() <= ROOTS_BYTES_MAX && pem.windows(10).any(|window| window == b"-----BEGIN");
    if has_one { Ok(Some((path, pem))) } else { Err(MailFault::NoRoots { path }) }
}
