//! A bare WebSocket echo on one thread, with the framing of the load: how late this machine is without any server.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use crate::{
    blocking::BlockingSocket,
    frames::TEXT_BYTES,
    machine::Cores,
    websocket::{self, Opcode, Parsed},
};

/// Latencies of the server count only when the echo's 99th percentile is at most this.
pub const P99_US_MAX: u64 = 5_000;

/// Round trips, microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Echo {
    /// Median.
    pub p50_us: u64,
    /// 99 of 100 are faster.
    pub p99_us: u64,
    /// 999 of 1000 are faster.
    pub p999_us: u64,
}

impl Echo {
    /// The worse of two, percentile by percentile.
    #[must_use]
    pub fn worse(self, other: Echo) -> Echo {
        Echo {
            p50_us: self.p50_us.max(other.p50_us),
            p99_us: self.p99_us.max(other.p99_us),
            p999_us: self.p999_us.max(other.p999_us),
        }
    }

    /// Whether latencies of the same run count.
    #[must_use]
    pub fn is_quiet(self) -> bool {
        self.p99_us <= P99_US_MAX
    }
}

/// One round trip after the other for so long: the echo on the server's cores, the client on the load's.
///
/// # Errors
/// When sockets fail.
pub fn measure(cores: &Cores, duration: Duration) -> io::Result<Echo> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let server_cores = cores.clone();
    let server = thread::Builder::new().name("echo".to_owned()).spawn(move || {
        server_cores.take_for_server()?;
        serve(&listener)
    })?;
    let measured = measure_at(address, duration);
    server.join().map_err(|_| io::Error::other("the echo panicked"))??;
    measured
}

fn measure_at(address: SocketAddr, duration: Duration) -> io::Result<Echo> {
    let mut socket = BlockingSocket::bare(address)?;
    let mut trips = Histogram::<u64>::new_with_max(60_000_000, 3).map_err(io::Error::other)?;
    let (payload, begun) = ([b'x'; TEXT_BYTES], Instant::now());
    while begun.elapsed() < duration {
        let sent = Instant::now();
        socket.send(&payload)?;
        if socket.receive()?.len() != payload.len() {
            return Err(io::Error::other("the echo changed what was sent"));
        }
        trips.saturating_record(u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    Ok(Echo {
        p50_us: trips.value_at_quantile(0.5),
        p99_us: trips.value_at_quantile(0.99),
        p999_us: trips.value_at_quantile(0.999),
    })
}

/// Echoes one connection to its end.
fn serve(listener: &TcpListener) -> io::Result<()> {
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let (mut incoming, mut part, mut out) = (Vec::new(), [0; 16 * 1024], Vec::new());
    loop {
        let count = stream.read(&mut part)?;
        if count == 0 {
            return Ok(());
        }
        incoming.extend_from_slice(&part[..count]);
        while let Some((payload, length)) = unmasked(&incoming) {
            websocket::write_unmasked(&mut out, Opcode::Binary, &payload);
            incoming.drain(..length);
        }
        stream.write_all(&out)?;
        out.clear();
    }
}

/// The first client frame, its mask taken off, and its length.
fn unmasked(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    // The same header without the mask bit and the key is what `parse` reads.
    let mut plain = bytes.to_vec();
    *plain.get_mut(1)? &= 0x7f;
    let header = match plain[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    let key: [u8; 4] = plain.get(header..header + 4)?.try_into().ok()?;
    plain.drain(header..header + 4);
    match websocket::parse(&plain) {
        Parsed::Frame(Opcode::Binary, payload, length) => {
            let payload = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            Some((payload, length + 4))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_masked_is_read() {
        for length in [3, 200, 70_000] {
            let payload: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let mut bytes = Vec::new();
            websocket::write_masked(&mut bytes, Opcode::Binary, &payload, [1, 2, 3, 4]);
            assert_eq!(unmasked(&bytes), Some((payload, bytes.len())));
            assert_eq!(unmasked(&bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn an_echo_comes_back_on_this_machine() {
        let echo = measure(&Cores::of_this_machine(), Duration::from_millis(50)).unwrap();
        assert!(echo.p50_us <= echo.p99_us && echo.p99_us <= echo.p999_us);
    }
}
