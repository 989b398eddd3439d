//! What operators may do: the one table of the operator's port.
//!
//! Each route has a row: its method and path, who may ask it, what it does as far as the audit log is concerned, and by
//! which fields of a request the log says on whom or what. A route without a row does not compile, and the port is made
//! from the rows.

use crate::model::OperatorRole;

/// Who may ask for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever comes to the port: no token is asked for.
    Anybody,
    /// An operator of this role or a higher one.
    AtLeast(OperatorRole),
    /// The same, or a program with an API key, whose scopes the route judges.
    ProgramOr(OperatorRole),
}

/// What a route does, as far as the audit log is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Shows how the server itself is doing, and is asked again and again: only who is turned away is written down.
    Polls,
    /// Shows something of users, or gives something out: written down before the answer goes out.
    Looks,
    /// Shows what people wrote: written down before it is read, and again before the answer goes out.
    Reveals,
    /// Changes something: written down before it is performed, and again before the answer goes out.
    Changes,
}

/// How the log names what a field of a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// Name or id of a user; the log has the id.
    User,
    /// A number, in decimal.
    Number,
    /// A word of the operator's own: of an alarm, a key, an operator, a level.
    Word,
    /// A sentence of the operator's own: why something is to be shown.
    Reason,
}

/// A field that says on whom or what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// The word in the log.
    pub word: &'static str,
    /// Where it stands in the body, or in the path.
    pub field: &'static str,
    /// What it is.
    pub named: Named,
}

/// Methods of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
}

impl Verb {
    /// As a request has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Put => "PUT",
        }
    }
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its method.
    pub verb: Verb,
    /// Method and path, as the audit log names it; parts of the path that vary stand in braces.
    pub name: &'static str,
    /// Who may ask.
    pub access: Access,
    /// What it does.
    pub deed: Deed,
    /// On whom or what.
    pub subjects: &'static [Subject],
}

impl Row {
    /// The path alone.
    #[must_use]
    pub fn path(&self) -> &'static str {
        self.name.split_once(' ').map_or(self.name, |(_, path)| path)
    }

    /// Whether an operator of this role may ask, or somebody who is none: whoever comes, or a program that has shown a key.
    #[must_use]
    pub fn admits(&self, role: Option<OperatorRole>) -> bool {
        match self.access {
            Access::Anybody => true,
            Access::AtLeast(least) => role.is_some_and(|role| role >= least),
            Access::ProgramOr(least) => role.is_none_or(|role| role >= least),
        }
    }
}

const USER: Subject = Subject { word: "user", field: "user", named: Named::User };
/// The last of its row: whatever stands behind the word is the reason.
const WHY: Subject = Subject { word: "because", field: "reason", named: Named::Reason };
const DEVICE: Subject = Subject { word: "device", field: "device_id", named: Named::Number };

macro_rules! routes {
    ($( $(#[$doc:meta])* $route:ident = $verb:ident $path:literal, $access:expr, $deed:ident, [$($subject:expr),*]; )*) => {
        /// A route of the operator's port.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum OperatorRoute { $( $(#[$doc])* $route, )* }

        impl OperatorRoute {
            /// Every route.
            pub const ALL: &'static [OperatorRoute] = &[$( OperatorRoute::$route, )*];

            /// Its row.
            #[must_use]
            pub fn row(self) -> Row {
                match self {
                    $( OperatorRoute::$route => Row {
                        verb: Verb::$verb,
                        name: concat!(verb!($verb), " ", $path),
                        access: $access,
                        deed: Deed::$deed,
                        subjects: const { &[$($subject),*] },
                    }, )*
                }
            }
        }
    };
}

macro_rules! verb {
    (Get) => {
        "GET"
    };
    (Post) => {
        "POST"
    };
    (Put) => {
        "PUT"
    };
}

const ANYBODY: Access = Access::Anybody;
const VIEWER: Access = Access::AtLeast(OperatorRole::Viewer);
const MODERATOR: Access = Access::AtLeast(OperatorRole::Moderator);
const ADMIN: Access = Access::AtLeast(OperatorRole::Admin);
const PROGRAM_OR_VIEWER: Access = Access::ProgramOr(OperatorRole::Viewer);
const PROGRAM_OR_ADMIN: Access = Access::ProgramOr(OperatorRole::Admin);

const fn number(word: &'static str, field: &'static str) -> Subject {
    Subject { word, field, named: Named::Number }
}

const fn word(word: &'static str, field: &'static str) -> Subject {
    Subject { word, field, named: Named::Word }
}

const fn user(word: &'static str, field: &'static str) -> Subject {
    Subject { word, field, named: Named::User }
}

routes! {
    /// The operator's pages, which ask for a token themselves.
    FirstPage = Get "/", ANYBODY, Polls, [];
    /// What they load.
    Asset = Get "/assets/{name}", ANYBODY, Polls, [];
    /// Curves without a script.
    Curves = Get "/curves", ANYBODY, Polls, [];
    /// Counters, for a program that collects them.
    Metrics = Get "/metrics", ANYBODY, Polls, [];
    /// Stored points.
    Points = Get "/v1/points", ANYBODY, Polls, [];
    /// A day or a week.
    Reports = Get "/v1/reports", VIEWER, Polls, [];
    /// What the routes take and answer: the same of every server of a version, so it is no secret.
    OpenApi = Get "/v1/openapi.json", ANYBODY, Polls, [];
    /// The setup token for the operator's token. Anybody may try, once it is right.
    Setup = Post "/v1/setup", ANYBODY, Looks, [];
    /// Accounts without passwords, with their devices' tokens.
    Provision = Post "/v1/provision", ADMIN, Changes, [number("users", "users"), number("first", "first")];
    /// A code to make an account by.
    Invite = Post "/v1/invites", MODERATOR, Changes, [];
    /// A bot with a token: whoever has it reads what the bot can read.
    MakeBot = Post "/v1/bots", ADMIN, Changes, [];
    /// Something said as a bot.
    Send = Post "/v1/send", MODERATOR, Changes,
        [user("from", "from"), user("to", "to"), number("conversation", "conversation")];
    /// A key for a program, which may read with it.
    MakeApiKey = Post "/v1/api-keys", ADMIN, Changes, [word("key", "name")];
    /// The keys, without their secrets.
    ListApiKeys = Post "/v1/api-keys/list", VIEWER, Looks, [];
    /// The end of a key.
    RevokeApiKey = Post "/v1/api-keys/revoke", ADMIN, Changes, [word("key", "key")];
    /// The end of a device.
    EndDevice = Post "/v1/end-device", MODERATOR, Changes, [USER, DEVICE];
    /// Everything of a user, with what was written.
    Export = Post "/v1/export", ADMIN, Reveals, [USER];
    /// Nobody comes in, or again.
    Suspend = Post "/v1/suspend", MODERATOR, Changes, [USER];
    /// The end of an account, for good.
    Erase = Post "/v1/erase", ADMIN, Changes, [USER];
    /// A group becomes a channel, or the reverse.
    Turn = Post "/v1/turn", MODERATOR, Changes, [number("group", "group")];
    /// Everybody follows a channel, or nobody has to.
    Broadcast = Post "/v1/broadcast", ADMIN, Changes, [number("channel", "channel")];
    /// Channels that everybody follows.
    ListBroadcasts = Post "/v1/broadcast/list", VIEWER, Looks, [];
    /// A password: whoever sets one can sign in by it, and read.
    SetPassword = Post "/v1/set-password", ADMIN, Changes, [USER];
    /// A document of a user.
    PutDocument = Put "/v1/documents", ADMIN, Changes, [user("user", "user_id"), number("kind", "kind")];
    /// The clock is right.
    AcceptTime = Post "/v1/accept-time", ADMIN, Changes, [];
    /// Alarms as they stand.
    Alarms = Get "/v1/alarms", VIEWER, Polls, [];
    /// An alarm is seen.
    AcknowledgeAlarm = Post "/v1/alarms/{name}/ack", MODERATOR, Changes, [word("alarm", "name")];
    /// An alarm is silent for a while.
    SilenceAlarm = Post "/v1/alarms/{name}/silence", MODERATOR, Changes,
        [word("alarm", "name"), number("minutes", "minutes")];
    /// A mail to everybody who is told of alarms.
    TryOutMail = Post "/v1/mail/test", ADMIN, Changes, [];
    /// How far the devices of a user have come.
    ExplainUser = Post "/v1/explain/user", VIEWER, Looks, [USER];
    /// What a group is, who belongs to it, how far its entries have come.
    ExplainGroup = Post "/v1/explain/group", VIEWER, Looks, [number("conversation", "conversation_id")];
    /// Where a message went; not what it says.
    ExplainMessage = Post "/v1/explain/message", VIEWER, Looks,
        [number("conversation", "conversation_id"), number("seq", "seq")];
    /// What a snapshot says.
    ExplainSnapshot = Post "/v1/explain/snapshot", VIEWER, Looks, [USER, DEVICE];
    /// Users, page by page.
    ListUsers = Post "/v1/users/list", VIEWER, Looks, [];
    /// A user with devices and what is counted.
    GetUser = Post "/v1/users/get", VIEWER, Looks, [USER];
    /// Groups and channels, page by page.
    ListGroups = Post "/v1/groups/list", VIEWER, Looks, [];
    /// A group with members, settings and the ways into it.
    GetGroup = Post "/v1/groups/get", VIEWER, Looks, [number("conversation", "conversation_id")];
    /// Who sent what sort of message when; not what it says.
    GetMessages = Post "/v1/messages/get", VIEWER, Looks,
        [number("conversation", "conversation_id"), number("seq", "seq"), number("through", "through_seq")];
    /// What messages say, for a reason.
    RevealMessages = Post "/v1/messages/reveal", ADMIN, Reveals,
        [number("conversation", "conversation_id"), number("seq", "seq"), number("through", "through_seq"), WHY];
    /// Live actors.
    Live = Get "/v1/live", VIEWER, Polls, [];
    /// Ids under which programs beside the server count.
    RegisterIds = Put "/v1/ids", PROGRAM_OR_ADMIN, Changes, [];
    /// All ids that are counted under.
    ListIds = Post "/v1/ids/list", PROGRAM_OR_VIEWER, Polls, [];
    /// What was counted under these is told no more.
    RemoveIds = Post "/v1/ids/remove", ADMIN, Changes, [];
    /// What a program beside the server has counted.
    Report = Post "/v1/report", PROGRAM_OR_ADMIN, Polls, [];
    /// The audit log.
    Audit = Get "/v1/audit", VIEWER, Polls, [];
    /// The settings in force.
    Config = Get "/v1/config", ADMIN, Looks, [];
    /// The settings are read again.
    Reload = Post "/v1/reload", ADMIN, Changes, [];
    /// What is logged.
    SetLogLevel = Put "/v1/log-level", ADMIN, Changes, [word("level", "level")];
    /// Who asks.
    Me = Get "/v1/me", VIEWER, Polls, [];
    /// An operator with a token.
    MakeOperator = Post "/v1/operators", ADMIN, Changes, [word("operator", "name"), word("role", "role")];
    /// The operators, without their tokens.
    ListOperators = Post "/v1/operators/list", VIEWER, Looks, [];
    /// The end of an operator's token.
    RevokeOperator = Post "/v1/operators/revoke", ADMIN, Changes, [word("operator", "name")];
}
