//! Sign-ins with what a host app's user shows, whatever that is: a token that the app signed, or one that it is asked about.

use std::collections::BTreeSet;

use highwater_wire::{Encoding, proto};
use proto::{client_frame::Request, server_frame::Body};

use super::{Server, Wire, requests};

/// Connections over which somebody signs in at the same moment.
const AT_ONCE: usize = 8;

pub fn with_token(token: &str) -> Request {
    Request::SignInWithToken(proto::SignInWithToken {
        token: token.to_owned(),
        device: Some(requests::device("test")),
        in_place_of: 0,
    })
}

pub async fn signed_in(server: &Server, token: &str) -> proto::SignedIn {
    match Wire::connect(server, Encoding::Binary).await.ask(with_token(token)).await {
        Body::SignedIn(signed_in) => signed_in,
        other => panic!("not signed in but {other:?}"),
    }
}

/// Signs in over many connections before the first is answered. Gives the users that were signed in.
pub async fn sign_ins_at_once(server: &Server, token: &str) -> BTreeSet<u64> {
    let (mut wires, mut asked) = (Vec::new(), Vec::new());
    for _ in 0..AT_ONCE {
        wires.push(Wire::connect(server, Encoding::Binary).await);
    }
    for wire in &mut wires {
        asked.push(wire.post(with_token(token)).await);
    }
    let mut users = BTreeSet::new();
    for (wire, request) in wires.iter_mut().zip(asked) {
        match wire.answer(request).await {
            Body::SignedIn(signed_in) => users.insert(signed_in.user_id),
            other => panic!("not signed in but {other:?}"),
        };
    }
    users
}
