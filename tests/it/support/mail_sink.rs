//! A server that takes mail on a port of its own, speaks enough of SMTP (RFC 5321), and refuses as often as it is told to.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// See the module.
pub struct MailSink {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// What is answered to the next mails after their last line, first one first.
    refusals: Mutex<Vec<&'static str>>,
    /// An address that is written to and does not exist.
    unknown: Mutex<Option<&'static str>>,
    taken: Mutex<Vec<Taken>>,
    tried: Mutex<usize>,
}

/// A mail that was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    pub from: String,
    pub to: Vec<String>,
    /// Headers and text, with line feeds.
    pub mail: String,
}

impl Taken {
    pub fn header(&self, name: &str) -> &str {
        let head = self.mail.split("\n\n").next().unwrap();
        let start = format!("{name}: ");
        head.lines().find_map(|line| line.strip_prefix(start.as_str())).unwrap_or_else(|| panic!("no {name}"))
    }

    pub fn text(&self) -> &str {
        self.mail.split_once("\n\n").unwrap().1
    }
}

impl MailSink {
    pub fn start() -> MailSink {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, shared) = (listener.local_addr().unwrap(), Arc::<Shared>::default());
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&serving);
                // Who hangs up in between has said all there is to see.
                std::thread::spawn(move || drop(serve(&socket, &shared)));
            }
        });
        MailSink { address, shared }
    }

    /// The section of a configuration that writes here, to these.
    pub fn config(&self, to: &[&str]) -> String {
        format!(
            "[mail]\nserver = \"smtp://{}\"\nfrom = \"highwater@chat.example\"\nto = {to:?}\nname = \"eu 1\"\n",
            self.address
        )
    }

    /// Refuses the next mails by these answers.
    pub fn refuse(&self, answers: &[&'static str]) {
        *self.shared.refusals.lock().unwrap() = answers.to_vec();
    }

    /// Refuses mail for this address, for good.
    pub fn does_not_know(&self, address: &'static str) {
        *self.shared.unknown.lock().unwrap() = Some(address);
    }

    /// Mails that were taken whose subject has this, in order.
    pub fn about(&self, subject: &str) -> Vec<Taken> {
        let taken = self.shared.taken.lock().unwrap();
        taken.iter().filter(|taken| taken.header("Subject").contains(subject)).cloned().collect()
    }

    /// Mails that came as far as their last line, taken or not.
    pub fn tried(&self) -> usize {
        *self.shared.tried.lock().unwrap()
    }
}

fn serve(socket: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(socket.try_clone()?);
    let say = |text: &str| -> std::io::Result<()> { write!(&mut &*socket, "{text}\r\n") };
    say("220 sink.example")?;
    let (mut from, mut to, mut line) = (String::new(), Vec::new(), String::new());
    while reader.read_line(&mut line)? > 0 {
        let (command, lower) = (line.trim_end().to_owned(), line.to_ascii_lowercase());
        line.clear();
        let address = || command.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        if lower.starts_with("ehlo") {
            say("250 sink.example")?;
        } else if lower.starts_with("mail from:") {
            (from, to) = (address(), Vec::new());
            say("250 ok")?;
        } else if lower.starts_with("rcpt to:") {
            if *shared.unknown.lock().unwrap() == Some(address().as_str()) {
                say("550 5.1.1 no such user here")?;
                continue;
            }
            to.push(address());
            say("250 ok")?;
        } else if lower.starts_with("data") {
            say("354 go on")?;
            let mail = read_mail(&mut reader)?;
            *shared.tried.lock().unwrap() += 1;
            let refusal = {
                let mut refusals = shared.refusals.lock().unwrap();
                (!refusals.is_empty()).then(|| refusals.remove(0))
            };
            if refusal.is_none() {
                shared.taken.lock().unwrap().push(Taken { from: from.clone(), to: to.clone(), mail });
            }
            say(refusal.unwrap_or("250 2.0.0 taken"))?;
        } else if lower.starts_with("quit") {
            return say("221 bye");
        } else {
            say("502 not here")?;
        }
    }
    Ok(())
}

/// Through the line with nothing but a dot; dots that were doubled are one again.
fn read_mail(reader: &mut impl BufRead) -> std::io::Result<String> {
    let (mut mail, mut line) = (String::new(), String::new());
    while reader.read_line(&mut line)? > 0 {
        assert!(line.ends_with("\r\n"), "{line:?}: lines of mail end by CR and LF");
        if line == ".\r\n" {
            return Ok(mail);
        }
        mail.push_str(
            line.trim_end_matches("\r\n").strip_prefix('.').unwrap_or(line.trim_end_matches("\r\n")),
        );
        mail.push('\n');
        line.clear();
    }
    Err(std::io::ErrorKind::UnexpectedEof.into())
}
