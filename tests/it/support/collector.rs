//! An OpenTelemetry collector on a port of its own, which takes every push and keeps it.

use std::{
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
};

use super::{Page, host_app::write_page, temp_dir::TempDir};

/// Lines before the body in small letters, and the body.
pub type Pushed = (String, Vec<u8>);

/// See the module.
pub struct Collector {
    address: SocketAddr,
    pushed: Arc<Mutex<Vec<Pushed>>>,
    directory: TempDir,
}

impl Collector {
    pub fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, pushed) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<Pushed>>>::default());
        let shared = Arc::clone(&pushed);
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let taken = read(&socket);
                let status = if taken.is_some() { 200 } else { 400 };
                shared.lock().unwrap().extend(taken);
                write_page(socket, &Page::Status(status));
            }
        });
        let directory = TempDir::new();
        let headers = directory.path().join("headers");
        std::fs::write(&headers, "Authorization: Bearer made-up\n").unwrap();
        std::fs::set_permissions(&headers, std::fs::Permissions::from_mode(0o600)).unwrap();
        Collector { address, pushed, directory }
    }

    /// The section of a configuration that pushes here.
    pub fn config(&self, instance: &str) -> String {
        let headers = self.directory.path().join("headers");
        format!(
            "[otlp]\nendpoint = \"http://{}\"\ninstance = \"{instance}\"\nheaders_file = \"{}\"\n",
            self.address,
            headers.display()
        )
    }

    /// All that was pushed, in order.
    pub fn pushed(&self) -> Vec<Pushed> {
        self.pushed.lock().unwrap().clone()
    }
}

fn read(socket: &TcpStream) -> Option<Pushed> {
    let mut reader = BufReader::new(socket.try_clone().unwrap());
    let (mut head, mut line) = (String::new(), String::new());
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        head.push_str(&line.to_ascii_lowercase());
        line.clear();
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"))?;
    let mut body = vec![0; length.trim().parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}
