//! A host app that signs nothing: it is asked about its tokens on a port of its own, and answers whoever has its secret.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use ring::hmac;
use serde_json::{Value, json};

use super::{
    Home, Page,
    host_app::{ISSUER, now_s, write_page},
    temp_dir::TempDir,
};

/// By which the app knows who asks.
pub const SECRET: &[u8] = b"a secret of thirty-two bytes...!";

/// By how much the clocks of two sides may differ, seconds.
const SKEW_S: i64 = 60;

/// See the module.
pub struct AskedApp {
    address: SocketAddr,
    state: Arc<State>,
    directory: TempDir,
}

#[derive(Default)]
struct State {
    sessions: Mutex<BTreeMap<String, Value>>,
    /// What is answered to every question in place of a right answer.
    instead: Mutex<Option<Page>>,
    asked: AtomicUsize,
}

impl AskedApp {
    pub fn start() -> AskedApp {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || answer(socket, &state));
            }
        });
        let app = AskedApp { address, state, directory: TempDir::new() };
        app.write_secret(SECRET, 0o600);
        app
    }

    /// A user is signed in there, under this token.
    pub fn sign_in(&self, token: &str, subject: &str, name: &str) {
        let said = json!({ "subject": subject, "name": name, "plan": { "paid": true } });
        self.state.sessions.lock().unwrap().insert(token.to_owned(), said);
    }

    pub fn answer_with(&self, page: Option<Page>) {
        *self.state.instead.lock().unwrap() = page;
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    pub fn url(&self) -> String {
        format!("http://{}/who", self.address)
    }

    pub fn secret_file(&self) -> PathBuf {
        self.directory.path().join("secret")
    }

    /// Writes the file that the server is given.
    pub fn write_secret(&self, secret: &[u8], mode: u32) {
        std::fs::write(self.secret_file(), secret).unwrap();
        std::fs::set_permissions(self.secret_file(), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A server that asks this app.
    pub fn home(&self) -> Home {
        self.home_asking(&self.url())
    }

    /// A server that asks at this URL.
    pub fn home_asking(&self, url: &str) -> Home {
        let secret = self.secret_file();
        let config = format!(
            "[server]\nworkers = 2\n[identity]\nissuer = \"{ISSUER}\"\ncallback_url = \"{url}\"\n\
             callback_secret_file = \"{}\"\n",
            secret.display()
        );
        Home::new(&config, &["--dev"])
    }
}

fn answer(socket: TcpStream, state: &State) {
    let question = read(&socket);
    state.asked.fetch_add(1, Ordering::SeqCst);
    let instead = state.instead.lock().unwrap().clone();
    let page = instead.unwrap_or_else(|| match question.and_then(|token| session(state, &token)) {
        Some(said) => Page::Text(said.to_string()),
        None => Page::Status(401),
    });
    write_page(socket, &page);
}

fn session(state: &State, token: &str) -> Option<Value> {
    state.sessions.lock().unwrap().get(token).cloned()
}

/// The token that is asked about, if who asks has the secret.
fn read(socket: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(socket.try_clone().unwrap());
    let (mut headers, mut line) = (BTreeMap::new(), String::new());
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        line.clear();
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    let timestamp = headers.get("highwater-timestamp")?;
    let signature = headers.get("highwater-signature")?.strip_prefix("v1=")?;
    let signature: Option<Vec<u8>> = (0..signature.len() / 2)
        .map(|at| u8::from_str_radix(&signature[2 * at..2 * at + 2], 16).ok())
        .collect();
    let signed = [timestamp.as_bytes(), b".", &body].concat();
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), &signed, &signature?).ok()?;
    let is_new = timestamp.parse().is_ok_and(|at: i64| (now_s() - at).abs() <= SKEW_S);
    let body: Value = serde_json::from_slice(&body).ok()?;
    body["token"].as_str().filter(|_| is_new).map(str::to_owned)
}
