//! Requests with one answer: making an account and signing in, before there is a client; then devices and people.

use crate::client::Client;
use crate::connection::{Connection, Incoming};
use crate::error::{Error, Refused};
use highwater_wire::Encoding;
use highwater_wire::proto::{
    self, ClientFrame, Device, DeviceClass, DeviceInfo, SignedIn, User, client_frame::Request,
    end_device::Which, server_frame::Body,
};
use std::time::Duration;

/// How long connecting and the answer may take together; hashing a password takes its time under load.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long the goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(200);

/// The description of this device that its user sees in the list.
pub fn device_info(name: impl Into<String>, class: DeviceClass) -> DeviceInfo {
    DeviceInfo { name: name.into(), device_class: class.into() }
}

/// Makes an account and signs this device in. `invite` is empty where none is needed.
///
/// # Errors
/// A refusal, such as name taken or registration closed; or a fault of the transport.
pub async fn register(
    base_url: &str,
    name: &str,
    password: &str,
    invite: &str,
    device: DeviceInfo,
) -> Result<SignedIn, Error> {
    let request = Request::Register(proto::Register {
        name: name.to_owned(),
        password: password.to_owned(),
        invite: invite.to_owned(),
        device: Some(device),
    });
    signed_in(base_url, request).await
}

/// Signs a new device in to an account.
///
/// # Errors
/// A refusal, such as wrong credentials or too many attempts; or a fault of the transport.
pub async fn sign_in(
    base_url: &str,
    name: &str,
    password: &str,
    device: DeviceInfo,
) -> Result<SignedIn, Error> {
    let request = Request::SignIn(proto::SignIn {
        name: name.to_owned(),
        password: password.to_owned(),
        device: Some(device),
        in_place_of: 0,
    });
    signed_in(base_url, request).await
}

/// Signs in again after the token was lost: the device that this installation was before ends in the same operation, so
/// that a server which allows one device of its class lets this one in. The store is kept: see the protocol, section 12.
///
/// # Errors
/// As [`sign_in`].
pub async fn sign_in_again(
    base_url: &str,
    name: &str,
    password: &str,
    device: DeviceInfo,
    was_device_id: u64,
) -> Result<SignedIn, Error> {
    let request = Request::SignIn(proto::SignIn {
        name: name.to_owned(),
        password: password.to_owned(),
        device: Some(device),
        in_place_of: was_device_id,
    });
    signed_in(base_url, request).await
}

/// Signs a new device in by the word of a host app, whose backend made `token` for its user; makes the account at the first
/// time. `was_device_id` is the device that this installation was before, 0 if it does not know.
///
/// # Errors
/// A refusal, such as that the token is not accepted, or that no host app is believed here; or a fault of the transport.
pub async fn sign_in_with_token(
    base_url: &str,
    token: &str,
    device: DeviceInfo,
    was_device_id: u64,
) -> Result<SignedIn, Error> {
    let request = Request::SignInWithToken(proto::SignInWithToken {
        token: token.to_owned(),
        device: Some(device),
        in_place_of: was_device_id,
    });
    signed_in(base_url, request).await
}

async fn signed_in(base_url: &str, request: Request) -> Result<SignedIn, Error> {
    match tokio::time::timeout(TIMEOUT, ask_once(base_url, request)).await {
        Ok(Ok(Body::SignedIn(signed_in))) => Ok(signed_in),
        Ok(Ok(_)) => Err(Error::UnexpectedAnswer),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(Error::Timeout { what: "answer", after_ms: TIMEOUT.as_millis() as u64 }),
    }
}

/// One request on a connection of its own, without Hello.
async fn ask_once(base_url: &str, request: Request) -> Result<Body, Error> {
    const REQUEST_ID: u64 = 1;
    let mut connection = Connection::open(base_url, Encoding::Binary, TIMEOUT).await?;
    let frame = ClientFrame { request_id: REQUEST_ID, request: Some(request), ..ClientFrame::default() };
    connection.queue(&frame).await?;
    connection.flush().await?;
    let body = loop {
        match connection.read().await? {
            // An error of request id 0 is about the connection, and so about this request.
            Incoming::Frame(frame) if frame.request_id == REQUEST_ID || frame.request_id == 0 => {
                break frame.body;
            }
            Incoming::Frame(_) | Incoming::Alive => {}
        }
    };
    connection.close(CLOSE_TIMEOUT).await;
    match body {
        Some(Body::Error(error)) => Err(Refused::from(error).into()),
        Some(body) => Ok(body),
        None => Err(Error::UnexpectedAnswer),
    }
}

/// All of these wait for a connection if there is none, and for the answer no longer than the request timeout.
impl Client {
    /// The user's devices.
    ///
    /// # Errors
    /// A refusal or a fault; after [`Error::Disconnected`] ask again.
    pub async fn list_devices(&self) -> Result<Vec<Device>, Error> {
        match self.ask(Request::ListDevices(proto::ListDevices {})).await? {
            Body::DeviceList(list) => Ok(list.devices),
            _ => Err(Error::UnexpectedAnswer),
        }
    }

    /// Ends one of the user's devices: its token is dead and its connections are closed.
    ///
    /// # Errors
    /// A refusal, such as no such device; or a fault.
    pub async fn end_device(&self, device_id: u64) -> Result<(), Error> {
        self.end_devices(Which::DeviceId(device_id)).await
    }

    /// Ends all of the user's devices but this one.
    ///
    /// # Errors
    /// A refusal or a fault.
    pub async fn end_other_devices(&self) -> Result<(), Error> {
        self.end_devices(Which::AllOthers(true)).await
    }

    async fn end_devices(&self, which: Which) -> Result<(), Error> {
        self.ask_done(Request::EndDevice(proto::EndDevice { which: Some(which) })).await
    }

    /// Changes the user's password. With `end_other_devices` all of the user's devices but this one end in the same
    /// operation.
    ///
    /// # Errors
    /// A refusal, such as wrong credentials, weak password or too many attempts; or a fault. After
    /// [`Error::Disconnected`] or a timeout it may have been done all the same: the one that signs in is the password.
    pub async fn change_password(&self, old: &str, new: &str, end_other_devices: bool) -> Result<(), Error> {
        let (old_password, new_password) = (old.to_owned(), new.to_owned());
        let change = proto::ChangePassword { old_password, new_password, end_other_devices };
        self.ask_done(Request::ChangePassword(change)).await
    }

    /// Erases the user's account, and everything that the user wrote, for everybody. It cannot be undone. The client stops
    /// with [`crate::StopReason::TokenInvalid`] soon after, and so do all others of the user.
    ///
    /// # Errors
    /// A refusal, such as wrong credentials, or that the operator has to do it; or a fault. The end of the connection may
    /// overtake the answer: a client that stopped for its token after this was erased.
    pub async fn erase_account(&self, password: &str) -> Result<(), Error> {
        let password = password.to_owned();
        self.ask_done(Request::EraseAccount(proto::EraseAccount { password })).await
    }

    /// Ends this device. The client stops with [`crate::StopReason::TokenInvalid`] soon after.
    ///
    /// # Errors
    /// A refusal or a fault.
    pub async fn sign_out(&self) -> Result<(), Error> {
        self.ask_done(Request::SignOut(proto::SignOut {})).await
    }

    /// The user of a name.
    ///
    /// # Errors
    /// A refusal, such as no such user; or a fault.
    pub async fn find_user(&self, name: &str) -> Result<User, Error> {
        match self.ask(Request::FindUser(proto::FindUser { name: name.to_owned() })).await? {
            Body::User(user) => Ok(user),
            _ => Err(Error::UnexpectedAnswer),
        }
    }

    pub(crate) async fn ask_done(&self, request: Request) -> Result<(), Error> {
        match self.ask(request).await? {
            Body::Done(_) => Ok(()),
            _ => Err(Error::UnexpectedAnswer),
        }
    }
}
