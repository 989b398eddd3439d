//! The server that takes mail, over SMTP. A connection for each mail: there are few, and one that was kept may be gone.

use std::{
    io,
    net::{Ipv4Addr, TcpStream, ToSocketAddrs},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use lettre::{
    SmtpTransport, Transport,
    address::Envelope,
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
        response::Response,
    },
};

use super::bounded_relay::{BoundedRelay, RelayBounds};
use crate::config::{MailSecurity, MailServer};

/// How long connecting may take, and each answer. Source: a server that greets slowly on purpose takes some seconds; who
/// tries a mail out waits for it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// What one mail may take of a connection. Source: a server says some lines of 80 bytes and shows some certificates; the
/// command line waits for an answer for a minute. The library has no bound for a line that does not end.
const CONNECTION: RelayBounds = RelayBounds { bytes_max: 64 * 1024, within: Duration::from_secs(45) };

/// Bytes of the server's answer that are kept. Source: some lines of text for people.
const ANSWER_BYTES_MAX: usize = 500;

/// Hands a mail over, for those in its envelope, and answers what the server said; blocks.
pub type HandOver = Arc<dyn Fn(&Envelope, &[u8]) -> Result<String, SmtpFault> + Send + Sync>;

/// The mail was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{says}")]
pub struct SmtpFault {
    /// What the server said, or why nothing was heard of it.
    pub says: String,
    /// The server said no; another mail may still be taken.
    pub is_answer: bool,
    /// It is not known whether the mail was taken: nothing more was heard on a connection that stood.
    pub may_be_taken: bool,
}

/// The connection to a mail server cannot be protected.
#[derive(Debug, thiserror::Error)]
#[error("the certificates in {} cannot be used", path.display())]
pub struct RootsFault {
    path: PathBuf,
    source: lettre::transport::smtp::Error,
}

/// What makes a connection to a mail server.
pub struct SmtpParts {
    /// Where it is.
    pub server: MailServer,
    /// Name and password, if it asks.
    pub credentials: Option<(String, String)>,
    /// Certificates (PEM) that are believed instead of the public authorities, and the file that they are from.
    pub roots: Option<(PathBuf, Vec<u8>)>,
}

/// Hands mail over to a server; it is not asked yet.
///
/// # Errors
/// The certificates cannot be used.
pub fn smtp(parts: SmtpParts) -> Result<HandOver, RootsFault> {
    let tls = tls(&parts)?;
    let SmtpParts { server, credentials, .. } = parts;
    let mut builder = SmtpTransport::builder_dangerous(Ipv4Addr::LOCALHOST.to_string())
        .tls(tls)
        .timeout(Some(ANSWER_TIMEOUT));
    if let Some((user, password)) = credentials {
        builder = builder.credentials(Credentials::new(user, password));
    }
    Ok(Arc::new(move |envelope, mail| {
        let relay = relay(&server).map_err(|fault| SmtpFault {
            says: cut(format!("it cannot be reached: {fault}")),
            is_answer: false,
            may_be_taken: false,
        })?;
        let transport = builder.clone().port(relay.port).build();
        transport.send_raw(envelope, mail).map(|response| said(&response)).map_err(|fault| {
            let is_answer = fault.is_permanent() || fault.is_transient();
            let silent = || format!("no answer came within {} s", ANSWER_TIMEOUT.as_secs());
            let says = match relay.ended_by() {
                Some(why) => why.to_owned(),
                None if is_silence(&fault) => silent(),
                None => cut(fault.to_string()),
            };
            SmtpFault { says, is_answer, may_be_taken: may_be_taken(&fault) }
        })
    }))
}

/// Connects, and bounds what comes of it.
fn relay(server: &MailServer) -> io::Result<BoundedRelay> {
    let mut refused = io::ErrorKind::NotFound.into();
    for address in (server.host.as_str(), server.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, ANSWER_TIMEOUT) {
            Ok(stream) => return BoundedRelay::start(stream, CONNECTION),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn tls(parts: &SmtpParts) -> Result<Tls, RootsFault> {
    if parts.server.security == MailSecurity::Loopback {
        return Ok(Tls::None);
    }
    let mut builder = TlsParameters::builder(parts.server.host.clone());
    if let Some((path, pem)) = &parts.roots {
        let fault = |source| RootsFault { path: path.clone(), source };
        let roots = Certificate::from_pem(pem).map_err(fault)?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(roots);
    }
    let path = || parts.roots.as_ref().map(|(path, _)| path.clone()).unwrap_or_default();
    let parameters = builder.build().map_err(|source| RootsFault { path: path(), source })?;
    Ok(match parts.server.security {
        MailSecurity::Tls => Tls::Wrapper(parameters),
        MailSecurity::StartTls | MailSecurity::Loopback => Tls::Required(parameters),
    })
}

/// Whether the mail may have come to the server: neither did it say no, nor was there no connection to it.
fn may_be_taken(fault: &lettre::transport::smtp::Error) -> bool {
    let is_answer = fault.is_permanent() || fault.is_transient();
    let is_unconnected = fault.is_tls();
    !is_answer && !is_unconnected && !fault.is_client()
}

/// Whether time ran out. A socket whose time to read is over says that it would block.
fn is_silence(fault: &lettre::transport::smtp::Error) -> bool {
    let mut source = std::error::Error::source(fault);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock);
        }
        source = error.source();
    }
    false
}

fn said(response: &Response) -> String {
    let lines: Vec<&str> = response.message().collect();
    cut(format!("{} {}", response.code(), lines.join(" ")))
}

/// What a server says is for people: one line, of a length that we choose.
fn cut(text: String) -> String {
    let mut text: String =
        text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    while text.len() > ANSWER_BYTES_MAX {
        text.pop();
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Write},
        net::TcpListener,
    };

    use super::*;

    /// What handing a mail over comes to at a server that answers these in turn and then hangs up.
    fn handed_over(answers: &'static [&'static str]) -> SmtpFault {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = std::thread::spawn(move || {
            let (socket, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(socket.try_clone().unwrap()).lines();
            for answer in answers {
                // After the mail itself: its last line is a dot.
                let is_after_mail = answer.starts_with("after: ");
                write!(&socket, "{}\r\n", answer.trim_start_matches("after: ")).unwrap();
                while is_after_mail && lines.next().unwrap().unwrap() != "." {}
                if !is_after_mail {
                    lines.next();
                }
            }
        });
        let fault = fault_of(port);
        serving.join().unwrap();
        fault
    }

    fn fault_of(port: u16) -> SmtpFault {
        let server = MailServer { host: "127.0.0.1".to_owned(), port, security: MailSecurity::Loopback };
        let hand_over = smtp(SmtpParts { server, credentials: None, roots: None }).unwrap();
        let address = |text: &str| text.parse().unwrap();
        let envelope = Envelope::new(Some(address("a@b.example")), vec![address("c@d.example")]).unwrap();
        hand_over(&envelope, b"Subject: x\r\n\r\ny\r\n").unwrap_err()
    }

    #[test]
    fn a_mail_may_be_taken_only_where_a_connection_stood_and_nothing_more_was_heard() {
        let unbound = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let nobody = fault_of(unbound);
        assert!(!nobody.may_be_taken && !nobody.is_answer, "{nobody}");
        let refused = handed_over(&["220 here", "250 hello", "550 not you", "221 bye"]);
        assert!(!refused.may_be_taken && refused.is_answer, "{refused}");
        let silent = handed_over(&["220 here", "250 hello", "250 ok", "250 ok", "after: 354 go on"]);
        assert!(silent.may_be_taken && !silent.is_answer, "{silent}");
    }

    #[test]
    fn a_line_that_does_not_end_is_left() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            while socket.write_all(&[b'a'; 4096]).is_ok() {}
        });
        let fault = fault_of(port);
        assert_eq!((fault.says.as_str(), fault.is_answer), ("it says too much", false));
        serving.join().unwrap();
    }
}
