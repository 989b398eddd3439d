//! A host app: it signs tokens for its users and publishes its keys on a port of its own, well or badly.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use super::{
    Home,
    signing::{Signer, key_set},
};

pub const ISSUER: &str = "https://app.example";
pub const AUDIENCE: &str = "chat.example";

/// How long an app that is silent holds a connection; longer than anybody waits for it.
const SILENCE: Duration = Duration::from_secs(30);

/// What the app answers when it is asked for its keys, or about a token.
#[derive(Clone)]
pub enum Page {
    Text(String),
    Status(u16),
    /// Somewhere else.
    Redirect(String),
    /// So many bytes of a set that does not end.
    Long(usize),
    /// A beginning and no end.
    Stalling,
    /// Nothing at all.
    Silent,
}

/// See the module.
pub struct HostApp {
    address: SocketAddr,
    page: Arc<Mutex<Page>>,
    asked: Arc<AtomicUsize>,
}

impl HostApp {
    /// An app that publishes these keys.
    pub fn publishing(signers: &[&Signer]) -> HostApp {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let page = Arc::new(Mutex::new(Page::Text(key_set(signers))));
        let asked = Arc::new(AtomicUsize::new(0));
        let (pages, counter) = (Arc::clone(&page), Arc::clone(&asked));
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                counter.fetch_add(1, Ordering::SeqCst);
                let page = pages.lock().unwrap().clone();
                std::thread::spawn(move || answer(socket, &page));
            }
        });
        HostApp { address, page, asked }
    }

    pub fn publish(&self, signers: &[&Signer]) {
        self.answer_with(Page::Text(key_set(signers)));
    }

    pub fn answer_with(&self, page: Page) {
        *self.page.lock().unwrap() = page;
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    /// A server that believes this app. `lines` follow in the same section.
    pub fn home(&self, lines: &str) -> Home {
        believing(&format!("keys_url = \"{}\"\n{lines}", self.url()))
    }
}

/// A server that believes by what these lines of `[identity]` say.
pub fn believing(lines: &str) -> Home {
    let config = format!(
        "[server]\nworkers = 2\n[identity]\nissuer = \"{ISSUER}\"\naudience = \"{AUDIENCE}\"\n{lines}\n"
    );
    Home::new(&config, &["--dev"])
}

/// What a right app says of a user.
pub fn claims(subject: &str, name: &str) -> Value {
    let now = now_s();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "preferred_username": name,
        "iat": now, "exp": now + 600,
    })
}

pub fn now_s() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn answer(socket: TcpStream, page: &Page) {
    let mut reader = BufReader::new(socket.try_clone().unwrap());
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        line.clear();
    }
    write_page(socket, page);
}

/// Answers what was read.
pub fn write_page(mut socket: TcpStream, page: &Page) {
    let head = |status: u16, more: &str| format!("HTTP/1.1 {status} x\r\nConnection: close\r\n{more}\r\n");
    // Who asked may have gone: that is what some tests are about.
    let _ = match page {
        Page::Text(text) => socket.write_all((head(200, "") + text).as_bytes()),
        Page::Status(status) => socket.write_all(head(*status, "Content-Length: 0\r\n").as_bytes()),
        Page::Redirect(to) => socket.write_all(head(302, &format!("Location: {to}\r\n")).as_bytes()),
        Page::Long(bytes) => {
            let begun = socket.write_all((head(200, "") + "{\"keys\":[").as_bytes());
            let piece = [b' '; 65_536];
            begun.and_then(|()| (0..bytes / piece.len()).try_for_each(|_| socket.write_all(&piece)))
        }
        Page::Stalling => {
            let begun = socket.write_all((head(200, "Content-Length: 100\r\n") + "{").as_bytes());
            std::thread::sleep(SILENCE);
            begun
        }
        Page::Silent => {
            std::thread::sleep(SILENCE);
            Ok(())
        }
    };
}
