//! Every limit of a connection, with what happens when it is reached.

/// Limits of one connection. All are checked before memory is taken for what they limit.
#[derive(Debug, Clone)]
pub struct TransportLimits {
    /// Longest payload of one incoming WebSocket frame, bytes. Longer: close 1009 at its header, unread.
    pub frame_bytes_max: usize,
    /// Longest incoming message after joining its fragments, bytes. Longer: close 1009 at the header that exceeds it.
    pub message_bytes_max: usize,
    /// Most fragments of one incoming message. More: close 1009 at the header of the one too many.
    pub fragments_max: u32,
    /// Most pings and pongs that a client may send between two ticks of the worker's clock, which are a second apart.
    /// More: close 1008.
    pub control_frames_per_second: u32,
    /// Most bytes that wait for one connection, counted with [`super::outbox::FRAME_COST_BYTES`] per frame. A frame that
    /// would exceed it is not queued and `deliver` says [`super::Lagging`].
    pub queued_bytes_max: usize,
}

impl Default for TransportLimits {
    fn default() -> Self {
        TransportLimits {
            frame_bytes_max: 64 * 1024,
            message_bytes_max: 64 * 1024,
            fragments_max: 64,
            // A browser sends none by itself; a client library answers our silence with one in tens of seconds.
            control_frames_per_second: 10,
            queued_bytes_max: 256 * 1024,
        }
    }
}
