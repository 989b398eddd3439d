//! A webhook for alarms on a port of its own, which takes what is signed with its secret and refuses everything else.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
};

use ring::hmac;
use serde_json::Value;

use super::{Page, asked_app::SECRET, host_app::write_page, temp_dir::TempDir};

/// See the module.
pub struct AlarmSink {
    address: SocketAddr,
    /// What was told, in order.
    told: Arc<Mutex<Vec<Value>>>,
    directory: TempDir,
}

impl AlarmSink {
    pub fn start() -> AlarmSink {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, told) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<Value>>>::default());
        let shared = Arc::clone(&told);
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let alarms = read(&socket);
                let status = if alarms.is_some() { 204 } else { 401 };
                shared.lock().unwrap().extend(alarms.into_iter().flatten());
                write_page(socket, &Page::Status(status));
            }
        });
        let directory = TempDir::new();
        let secret = directory.path().join("secret");
        std::fs::write(&secret, SECRET).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        AlarmSink { address, told, directory }
    }

    /// The section of a configuration that tells alarms here.
    pub fn config(&self) -> String {
        let secret = self.directory.path().join("secret");
        format!(
            "[alarms]\nwebhook_url = \"http://{}/alarms\"\nwebhook_secret_file = \"{}\"\n",
            self.address,
            secret.display()
        )
    }

    /// The states in which an alarm was told, in order.
    pub fn states_of(&self, alarm: &str) -> Vec<String> {
        let told = self.told.lock().unwrap();
        let of = told.iter().filter(|told| told["alarm"] == alarm);
        of.map(|told| told["state"].as_str().unwrap().to_owned()).collect()
    }
}

/// What is told, if it is signed with the secret.
fn read(socket: &TcpStream) -> Option<Vec<Value>> {
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
    let signature = headers.get("highwater-signature")?.strip_prefix("v1=")?;
    let signature: Option<Vec<u8>> = (0..signature.len() / 2)
        .map(|at| u8::from_str_radix(&signature[2 * at..2 * at + 2], 16).ok())
        .collect();
    let signed = [headers.get("highwater-timestamp")?.as_bytes(), b".", &body].concat();
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), &signed, &signature?).ok()?;
    let body: Value = serde_json::from_slice(&body).ok()?;
    body["alarms"].as_array().cloned()
}
