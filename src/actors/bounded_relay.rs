//! A connection to a server of others, through which only so many bytes come back and which ends in time.
//!
//! For libraries that read what a server says without a bound of their own: they are given a port of this machine, and two
//! threads pass bytes on between the two. Whoever else comes to that port first talks to the same server, and nothing more.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, OnceLock, mpsc::channel},
    thread,
    time::Duration,
};

/// Bytes that are passed on at once.
const PIECE_BYTES: usize = 4096;

/// What a connection may take.
#[derive(Debug, Clone, Copy)]
pub struct RelayBounds {
    /// Bytes that may come back. The connection ends behind them.
    pub bytes_max: usize,
    /// How long it may last.
    pub within: Duration,
}

/// See the module. The threads end with the connection, in the time that it may last at the latest.
pub struct BoundedRelay {
    /// The port of this machine.
    pub port: u16,
    why: Arc<OnceLock<&'static str>>,
}

impl BoundedRelay {
    /// Passes on between who comes first to the port, and a server to which a connection stands.
    ///
    /// # Errors
    /// There is no port or thread to be had.
    pub fn start(server: TcpStream, bounds: RelayBounds) -> io::Result<BoundedRelay> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let why = Arc::<OnceLock<&'static str>>::default();
        let told = Arc::clone(&why);
        thread::Builder::new().name("relay".to_owned()).spawn(move || {
            let client = listener.accept();
            drop(listener);
            if let Ok((client, _)) = client {
                pass_on(&client, &server, bounds, &told);
            }
        })?;
        Ok(BoundedRelay { port, why })
    }

    /// Which bound ended the connection, if one did.
    #[must_use]
    pub fn ended_by(&self) -> Option<&'static str> {
        self.why.get().copied()
    }
}

/// Nobody comes any more: should nobody have come, the thread waits no longer.
impl Drop for BoundedRelay {
    fn drop(&mut self) {
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

/// Passes on until one of them ends, or a bound is met, which is told before anybody notices.
fn pass_on(client: &TcpStream, server: &TcpStream, bounds: RelayBounds, told: &OnceLock<&'static str>) {
    let (end, ended) = channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = io::copy(&mut &*client, &mut &*server);
            let _ = server.shutdown(Shutdown::Write);
        });
        // It ends when it has ended, and nobody waits any more otherwise.
        scope.spawn(move || end.send(back(client, server, bounds.bytes_max)));
        if let Err(why) = ended.recv_timeout(bounds.within).unwrap_or(Err("it takes too long")) {
            let _ = told.set(why);
        }
        let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
    });
}

fn back(mut client: &TcpStream, mut server: &TcpStream, bytes_max: usize) -> Result<(), &'static str> {
    let (mut left, mut piece) = (bytes_max, [0; PIECE_BYTES]);
    loop {
        match server.read(&mut piece) {
            Ok(read) if read > left => return Err("it says too much"),
            Ok(read) if read > 0 && client.write_all(&piece[..read]).is_ok() => left -= read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => return Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What comes back of what a server says, and which bound ended it.
    fn heard(
        says: impl Fn(TcpStream) + Send + 'static,
        bounds: RelayBounds,
    ) -> (Vec<u8>, Option<&'static str>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || says(listener.accept().unwrap().0));
        let relay = BoundedRelay::start(TcpStream::connect(address).unwrap(), bounds).unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", relay.port)).unwrap();
        client.write_all(b"hello\n").unwrap();
        let mut heard = Vec::new();
        let _ = client.read_to_end(&mut heard);
        (heard, relay.ended_by())
    }

    const WIDE: RelayBounds = RelayBounds { bytes_max: 1000, within: Duration::from_secs(60) };

    #[test]
    fn both_ways_are_passed_on_until_one_ends() {
        let echo = |mut socket: TcpStream| {
            let mut said = [0; 6];
            socket.read_exact(&mut said).unwrap();
            socket.write_all(&said).unwrap();
        };
        assert_eq!(heard(echo, WIDE), (b"hello\n".to_vec(), None));
    }

    #[test]
    fn a_server_that_never_ends_is_left() {
        let endless = |mut socket: TcpStream| while socket.write_all(&[b'a'; 500]).is_ok() {};
        let (bytes, why) = heard(endless, WIDE);
        assert!(bytes.len() <= 1000, "{}", bytes.len());
        assert_eq!(why, Some("it says too much"));
        let drips = |mut socket: TcpStream| {
            let (_never, comes) = channel::<()>();
            while socket.write_all(b"a").is_ok() {
                let _ = comes.recv_timeout(Duration::from_millis(20));
            }
        };
        let (_, why) = heard(drips, RelayBounds { within: Duration::from_millis(300), ..WIDE });
        assert_eq!(why, Some("it takes too long"));
    }
}
