//! The numbered refusals: one table for the WebSocket, for HTTP and for the protocol text.

use crate::proto;

macro_rules! refusals {
    ($( $(#[$doc:meta])* $name:ident = $code:literal, $wire:literal, $http:literal, $retry:literal, $text:literal; )*) => {
        /// Why a request was denied. The number is the contract; name and text are for people.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Refusal { $( $(#[$doc])* $name, )* }

        impl Refusal {
            /// Every refusal, in order of number.
            pub const ALL: &[Refusal] = &[$( Refusal::$name, )*];
            /// The number on the wire.
            pub const fn code(self) -> u32 { match self { $( Refusal::$name => $code, )* } }
            /// The name on the wire and in metrics.
            pub const fn name(self) -> &'static str { match self { $( Refusal::$name => $wire, )* } }
            /// The HTTP status of the same refusal.
            pub const fn http_status(self) -> u16 { match self { $( Refusal::$name => $http, )* } }
            /// Whether the same request may succeed later, unchanged.
            pub const fn retry(self) -> bool { match self { $( Refusal::$name => $retry, )* } }
            /// One sentence for people.
            pub const fn text(self) -> &'static str { match self { $( Refusal::$name => $text, )* } }
            /// The refusal of a number, for clients.
            pub const fn from_code(code: u32) -> Option<Refusal> { match code { $( $code => Some(Refusal::$name), )* _ => None } }
        }
    };
}

refusals! {
    /// Not this encoding of a client frame.
    MalformedFrame = 100, "malformed_frame", 400, false, "the frame cannot be decoded";
    /// Longer than the limit; refused at its header.
    FrameTooLarge = 101, "frame_too_large", 413, false, "the frame is longer than the limit";
    /// A frame without a request, or with one that this server does not know.
    UnknownRequest = 102, "unknown_request", 400, false, "the frame holds no request that this server knows";
    /// A text frame on a binary connection, or the reverse.
    WrongFrameType = 103, "wrong_frame_type", 400, false, "text frames go with JSON, binary frames with protobuf";
    /// A field has a value that can never be right.
    InvalidField = 104, "invalid_field", 400, false, "a field has a value that is not allowed";
    /// Anything but Hello, Register or a sign-in before Hello.
    HelloFirst = 105, "hello_first", 401, false, "say hello first";
    /// A second Hello on a connection.
    AlreadyGreeted = 106, "already_greeted", 400, false, "this connection was greeted before";
    /// More unanswered requests than the greeting allows.
    TooManyInFlight = 107, "too_many_in_flight", 429, true, "too many requests are unanswered";
    /// The path or method does not exist.
    NotFound = 108, "not_found", 404, false, "there is nothing here";
    /// Sync after sync found nothing new: a loop.
    SyncTooOften = 109, "sync_too_often", 429, true, "there was nothing new many times in a row";

    /// The device token is unknown, ended or expired.
    InvalidToken = 200, "invalid_token", 401, false, "the device token is not valid";
    /// Name or password is wrong; which one is not said.
    WrongCredentials = 201, "wrong_credentials", 401, false, "name or password is wrong";
    /// The server does not take new accounts from the client port.
    RegistrationClosed = 202, "registration_closed", 403, false, "registration is closed";
    /// An account of this name exists.
    NameTaken = 203, "name_taken", 409, false, "this name is taken";
    /// The name does not follow the rules.
    InvalidName = 204, "invalid_name", 400, false, "a name has 2 to 32 letters, digits, dots, dashes or underscores";
    /// The password is too short, too long or too common.
    WeakPassword = 205, "weak_password", 400, false, "a password has 8 to 128 bytes and is not a common one or the name";
    /// The invite is unknown, used or expired.
    InvalidInvite = 206, "invalid_invite", 403, false, "the invite is not valid";
    /// The request is not this user's to make.
    Forbidden = 207, "forbidden", 403, false, "this is not allowed";
    /// The operator allows one device of this class, and another one is signed in.
    DeviceClassTaken = 208, "device_class_taken", 409, false, "another device of this class is signed in";
    /// The operator allows so many devices and no more.
    TooManyDevices = 209, "too_many_devices", 409, false, "as many devices are signed in as there may be";
    /// An operator suspended the account. What is kept stays, and so do its devices, for when it is resumed.
    AccountSuspended = 210, "account_suspended", 403, false, "the account is suspended";
    /// What the host app's token says is not accepted; why is told to the operator alone.
    HostTokenRefused = 212, "host_token_refused", 401, false, "the token of the host app is not accepted";
    /// No host app vouches for users of this server.
    HostSignInOff = 213, "host_sign_in_off", 403, false, "there is no signing in by a host app here";
    /// By what the host app's token could be judged cannot be fetched now.
    HostUnavailable = 214, "host_unavailable", 503, true, "the host app cannot be asked now";
    /// The API key is unknown, revoked or expired.
    InvalidApiKey = 215, "invalid_api_key", 401, false, "the API key is not valid";
    /// The API key was made without the scope of this request.
    ScopeMissing = 216, "scope_missing", 403, false, "the API key has no scope for this";
    /// The API key may not act for whom it names.
    NotForThisUser = 217, "not_for_this_user", 403, false, "the API key does not act for this user";
    /// The operator has made as many keys as there may be.
    TooManyApiKeys = 218, "too_many_api_keys", 409, false, "there are as many API keys as there may be";
    /// A bot does not sign in.
    BotHasNoPassword = 219, "bot_has_no_password", 409, false, "a bot has no password";

    /// The account has no password by which its user could ask for the erasure: an operator does it.
    ErasureByOperator = 220, "erasure_by_operator", 403, false, "an account without a password is erased by the operator";

    /// No such user, or one that takes nothing from the one who asks: which of them is not told.
    NoSuchUser = 300, "no_such_user", 404, false, "there is no such user";
    /// No such conversation among the user's own.
    NoSuchConversation = 301, "no_such_conversation", 404, false, "there is no such conversation";
    /// The text is longer than the limit.
    TextTooLong = 302, "text_too_long", 413, false, "the text is longer than the limit";
    /// A message without content.
    EmptyMessage = 303, "empty_message", 400, false, "the message has no content";
    /// The client message id was used for another message.
    IdConflict = 304, "id_conflict", 409, false, "this client message id was used for another message";
    /// The day lies outside the deduplication window.
    DayOutsideWindow = 305, "day_outside_window", 410, false, "the day lies outside the window in which a resend is recognised";
    /// No such device among the user's own.
    NoSuchDevice = 306, "no_such_device", 404, false, "there is no such device";
    /// A custom message whose schema is not a name, or whose document is not JSON.
    InvalidCustom = 307, "invalid_custom", 400, false, "a custom message has the name of a schema and a JSON document";
    /// The document of a custom message, or all of the message, is longer than the limit.
    CustomTooLong = 308, "custom_too_long", 413, false, "the custom message is longer than the limit";

    /// The group has as many members as it may have.
    GroupFull = 310, "group_full", 409, false, "the group is full";
    /// The name of a group is empty, too long, or has characters that nobody sees.
    InvalidGroupName = 311, "invalid_group_name", 400, false, "a group's name has 1 to 128 bytes and no control or invisible characters";
    /// The one who writes to a group is muted there, or everybody without a role is.
    Muted = 314, "muted", 403, false, "the user may not write to this group now";
    /// What is announced is too long, or has characters that nobody sees.
    InvalidAnnouncement = 315, "invalid_announcement", 400, false, "an announcement has at most 4096 bytes and no invisible characters";
    /// The link is unknown, too old, used up, taken back, or not for this user: which of them is not told.
    NoSuchLink = 316, "no_such_link", 404, false, "the link is not valid";
    /// The group has as many links that can be used as it may have.
    TooManyLinks = 317, "too_many_links", 409, false, "the group has as many links as it may have";
    /// The user owns as many groups and channels as one may.
    TooManyGroups = 318, "too_many_groups", 409, false, "as many groups are owned as there may be";
    /// As many users are blocked as one may block.
    TooManyBlocked = 330, "too_many_blocked", 409, false, "as many users are blocked as there may be";
    /// The user is no contact of the one who asks.
    NoSuchContact = 331, "no_such_contact", 404, false, "there is no such contact";
    /// The one who asks blocks the user.
    UnblockFirst = 332, "unblock_first", 409, false, "this user is blocked by the one who asks";
    /// So many requests were made today, or wait for the user.
    TooManyRequests = 333, "too_many_requests", 429, true, "too many requests were made or wait";
    /// Nothing waits that could be accepted.
    NoSuchRequest = 334, "no_such_request", 404, false, "there is no such request, or it has expired";
    /// The user follows as many channels as one may, or came and went too often.
    TooManyFollows = 340, "too_many_follows", 409, false, "as many channels are followed as there may be";
    /// Everybody follows this channel by an operator's word: nobody ends the follow, and it becomes no group.
    FollowedByAll = 341, "followed_by_all", 409, false, "everybody follows this channel";
    /// Everybody is made to follow as many channels as there may be.
    TooManyBroadcasts = 342, "too_many_broadcasts", 409, false, "everybody follows as many channels as there may be";
    /// What a user wants to show is too long, or has characters that nobody sees.
    InvalidProfile = 350, "invalid_profile", 400, false, "a display name has at most 64 characters, an avatar 256 bytes, a text 280 characters, all visible";
    /// The user changed the profile too often.
    TooManyChanges = 351, "too_many_changes", 429, true, "the profile was changed too often";
    /// The user takes messages of contacts alone, and the one who writes is none.
    AskFirst = 352, "ask_first", 403, false, "this user takes messages of contacts alone: ask to be one";

    /// What changes something is refused while it cannot be written down first; nothing was done.
    AuditUnavailable = 370, "audit_unavailable", 503, true, "the audit log cannot be written, so nothing is changed";
    /// The operator's role is not enough for this.
    RoleMissing = 371, "role_missing", 403, false, "the operator's role does not allow this";
    /// There is no operator of this name.
    NoSuchOperator = 372, "no_such_operator", 404, false, "there is no such operator";
    /// An operator of this name exists.
    OperatorNameTaken = 373, "operator_name_taken", 409, false, "there is an operator of this name";
    /// There are as many operators as there may be.
    TooManyOperators = 374, "too_many_operators", 409, false, "there are as many operators as there may be";
    /// On the operator's port the token is no operator's: unknown, or taken back. Also of the setup token.
    InvalidOperatorToken = 375, "invalid_operator_token", 401, false, "the token is not valid on the operator's port";
    /// An alarm is acknowledged that does not fire.
    AlarmQuiet = 376, "alarm_quiet", 409, false, "the alarm does not fire";
    /// An operator asks where a message went that never was, or not in this conversation.
    NoSuchMessage = 377, "no_such_message", 404, false, "there is no such message";
    /// A mail is tried out, and no mail server is set, or one is being tried out.
    MailOff = 378, "mail_off", 409, false, "no mail server is set, or a mail is being tried out";
    /// A mail that was tried out was not taken by the mail server.
    MailNotTaken = 379, "mail_not_taken", 502, true, "the mail server did not take the mail";

    /// The server has more to do than it can; nothing was done.
    Busy = 500, "busy", 503, true, "the server is busy";
    /// The disk is full; reading goes on.
    StorageFull = 501, "storage_full", 507, true, "the server's storage is full";
    /// It is not known whether the request was done: send it again with the same id.
    UnknownOutcome = 502, "unknown_outcome", 503, true, "the outcome is not known, send the same again";
    /// The server is stopping.
    Draining = 503, "draining", 503, true, "the server is stopping";
    /// A fault of the server; it is in its log.
    Internal = 504, "internal", 500, true, "the server met a fault";
    /// Too many attempts from here or for this account.
    TooManyAttempts = 505, "too_many_attempts", 429, true, "too many attempts, wait";
}

impl Refusal {
    /// The refusal as a frame body.
    pub fn to_error(self, retry_after_ms: u32) -> proto::Error {
        proto::Error {
            code: self.code(),
            name: self.name().to_owned(),
            message: self.text().to_owned(),
            retry: self.retry(),
            retry_after_ms,
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Refusal {}

/// Codes with which the server closes a WebSocket, beside those of RFC 6455.
pub mod close {
    /// The token ended, or no Hello came in time.
    pub const UNAUTHENTICATED: u16 = 4401;
    /// Reason beside `UNAUTHENTICATED`: another device of the user signed in and took this one's place.
    pub const DEVICE_REPLACED: &str = "device_replaced";
    /// Reason beside `UNAUTHENTICATED`: the device was signed out, by itself, another one, or an operator.
    pub const DEVICE_ENDED: &str = "device_ended";
    /// Reason beside `UNAUTHENTICATED`: an operator suspended the account. The same word as the refusal's.
    pub const ACCOUNT_SUSPENDED: &str = crate::Refusal::AccountSuspended.name();
    /// The connection did not take what was sent to it in time.
    pub const TOO_SLOW: u16 = 4408;
    /// A newer connection of the same lineage took its place.
    pub const REPLACED: u16 = 4409;
    /// Nothing was heard from the client for too long.
    pub const SILENT: u16 = 4410;
}
