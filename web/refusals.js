// The server's refusals, in words for the person in front of the page.

const WORDS = new Map([
  [100, 'The server does not understand this page. Reload it.'],
  [101, 'This message is too long.'],
  [102, 'This server cannot do this.'],
  [103, 'The server does not understand this page. Reload it.'],
  [104, 'Something in it is not allowed.'],
  [105, 'The server does not know who this is. Reload the page.'],
  [106, 'The server does not understand this page. Reload it.'],
  [107, 'Too much at once. Wait a moment and try again.'],
  [108, 'There is nothing here.'],
  [109, 'There is nothing new.'],
  [200, 'You were signed out on this device. Sign in again.'],
  [201, 'Name or password is wrong.'],
  [202, 'This server takes no new accounts.'],
  [203, 'This name is taken. Choose another one, or sign in if it is yours.'],
  [204, 'A name has 2 to 32 letters, digits, dots, dashes or underscores.'],
  [205, 'This password is too easy to guess. Take at least 8 characters, not a common password and not your name.'],
  [206, 'This invite is not valid. It may be mistyped, used or too old.'],
  [207, 'This is not allowed.'],
  [208, 'You are signed in on another device of this kind, and this server allows one. Sign out there first.'],
  [209, 'You are signed in on as many devices as this server allows. Sign out on one of them first.'],
  [210, 'The operator of this server has suspended your account.'],
  [212, 'The app that you come from does not vouch for you. Sign in there again.'],
  [213, 'No app can sign you in on this server.'],
  [214, 'The app that you come from cannot be asked now. Try again.'],
  [215, 'This API key is not valid.'],
  [216, 'This API key may not do this.'],
  [217, 'This API key does not act for this user.'],
  [218, 'There are as many API keys as there may be.'],
  [219, 'A bot has no password.'],
  [220, 'This account has no password. Ask the operator of this server to erase it.'],
  [300, 'There is nobody with this name.'],
  [301, 'This conversation does not exist.'],
  [302, 'This message is too long.'],
  [303, 'An empty message cannot be sent.'],
  [304, 'The server knows another message by this number.'],
  [305, 'This message waited for too many days. Send it as a new one if it is still wanted.'],
  [306, 'This device does not exist.'],
  [307, 'The server does not understand this message.'],
  [308, 'This message is too long.'],
  [310, 'This group is full.'],
  [311, 'A name of a group has 1 to 128 bytes and no control or invisible characters.'],
  [314, 'You may not write to this group now.'],
  [315, 'An announcement has at most 4096 bytes and no invisible characters.'],
  [316, 'This link is not valid.'],
  [317, 'This group has as many links as it may have.'],
  [318, 'One user cannot own more groups here. End one, or hand it on, first.'],
  [330, 'You block as many users as one may.'],
  [331, 'This user is none of your contacts.'],
  [332, 'You block this user. Unblock them first.'],
  [333, 'Too many requests were made or wait.'],
  [334, 'There is no such request, or it has expired.'],
  [340, 'You follow as many channels as one may.'],
  [341, 'Everybody on this server follows this channel.'],
  [342, 'Everybody on this server follows as many channels as there may be.'],
  [350, 'The server does not take a name or text like this.'],
  [351, 'Too many changes at once. Try again in a moment.'],
  [352, 'Ask to be a contact first.'],
  [370, 'The server cannot write down what is done. Try again later.'],
  [371, 'Your role does not allow this.'],
  [372, 'There is no such operator.'],
  [373, 'There is an operator of this name already.'],
  [374, 'There are as many operators as there may be.'],
  [375, 'The token is not valid here.'],
  [376, 'The alarm does not fire.'],
  [377, 'There is no such message.'],
  [378, 'No mail server is set, or a mail is being tried out.'],
  [379, 'The mail server did not take the mail.'],
  [500, 'The server is busy.'],
  [501, 'The server has no space left.'],
  [502, 'The server does not know yet whether it has this.'],
  [503, 'The server is restarting.'],
  [504, 'Something went wrong in the server.'],
  [505, 'Too many attempts. Wait a few minutes, then try again.'],
]);

// The day of a message is no longer remembered: only a new id can carry it.
export const DAY_OUTSIDE_WINDOW = 305;
export const INVALID_TOKEN = 200;

// A request that the server has answered with an error.
export class Refused extends Error {
  constructor(error) {
    super(WORDS.get(error.code) ?? error.message ?? 'The server refused this.');
    this.code = error.code ?? 0;
    this.retry = error.retry ?? false;
    this.retry_after_ms = error.retryAfterMs ?? 0;
  }
}

// A request whose outcome is unknown: the connection ended before the answer.
export class Lost extends Error {
  constructor() {
    super('The server cannot be reached.');
  }
}
