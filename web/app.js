// The plain chat page: puts together what the tab remembers, the connection, and what is shown.

import { AccountView } from './account_view.js';
import { Chats } from './chats.js';
import { ComposerView } from './composer_view.js';
import { Connection } from './connection.js';
import { ChatHistory } from './history.js';
import { GroupView } from './group_view.js';
import { ask } from './http.js';
import { ListView } from './list_view.js';
import { Outbox } from './outbox.js';
import { Replica } from './replica.js';
import { Session } from './session.js';
import { StatusView } from './status_view.js';
import { Sync } from './sync.js';
import { ThreadView } from './thread_view.js';
import { Ticks } from './ticks.js';

// The open chat stands in the address as #with=USER_ID, so that back and reload do what people expect.
const OPEN_CHAT = /^#with=(\d+)$/;

const session = new Session();
const replica = new Replica();
const connection = new Connection(() => replica.snapshot, {
  state: on_state,
  greeting: on_greeting,
  push: (page) => sync.push(page),
  nudge: () => sync.want(),
  watermark: (watermark) => ticks.take(watermark),
  day: (day) => outbox.day(day),
});
const chat_history = new ChatHistory(connection, replica, on_entries);
const sync = new Sync(connection, replica, { entries: on_entries, caught_up: () => chat_history.repair() });
const outbox = new Outbox(connection, session, { sent: on_sent, changed: draw_soon });
const ticks = new Ticks(connection, draw_soon);
const chats = new Chats(replica, outbox, session, ticks);

const account_view = new AccountView(sign_in);
const status_view = new StatusView(() => connection.retry_now());
const list_view = new ListView(open_chat, start_chat);
const group_view = new GroupView(make_group);
const thread_view = new ThreadView({
  retry: (id) => outbox.retry(id),
  drop: (id) => outbox.remove(id),
  back: close_chat,
  earlier: () => chat_history.earlier(chats.conversation_with(open_user())),
});
const composer_view = new ComposerView(send);

let drawing = 0;
let sign_out_warned = false;

document.getElementById('sign-out').addEventListener('click', sign_out);
addEventListener('hashchange', () => { draw_soon(); focus_chat(); });
document.addEventListener('visibilitychange', draw_soon);
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !event.isComposing && open_user()) close_chat();
});

if (session.token) begin();
else account_view.show();

function sign_in(signed_in) {
  // Somebody else than before: nothing of the one before may be left, in memory and in the document.
  const another = session.user_id && session.user_id !== signed_in.user_id;
  session.signed_in(signed_in);
  if (another) {
    history.replaceState(null, '', '/');
    location.reload();
    return;
  }
  replica.restart();
  begin();
  document.getElementById('start-name').focus();
}

function begin() {
  account_view.hide();
  document.getElementById('chat').hidden = false;
  connection.start(session.token);
  draw();
}

async function sign_out() {
  if (outbox.messages.length > 0 && !sign_out_warned) {
    sign_out_warned = true;
    document.getElementById('sign-out').textContent = 'Sign out and drop unsent messages';
    return;
  }
  const token = session.token;
  connection.stop();
  session.forget();
  try {
    await ask({ signOut: {} }, token);
  } catch (error) {
    // The tab forgets its token in any case; the device then ends when it expires.
    console.warn('the server did not hear of the signing out', error.message);
  }
  history.replaceState(null, '', '/');
  location.reload();
}

function on_state(state, reason) {
  status_view.show(state, reason);
  if (state !== 'signed_out') return;
  session.token_ended();
  document.getElementById('chat').hidden = true;
  account_view.show(reason);
}

function on_greeting(greeting) {
  composer_view.text_bytes_max = greeting.textBytesMax;
  outbox.day(greeting.day);
  // Sync first: a message that the server has already leaves the outbox by its entry.
  sync.want();
  outbox.resume();
  ticks.connected();
}

function on_entries(entries) {
  for (const { client_message_id } of entries) if (client_message_id) outbox.remove(client_message_id);
  draw_soon();
}

// The server has the message: it has its place, whether or not its entry was told before.
function on_sent(message, sent) {
  replica.add({
    conversation_id: sent.conversationId,
    seq: BigInt(sent.seq),
    sender_id: session.user_id,
    sent_at_ms: Number(sent.sentAtMs),
    client_message_id: message.id,
    text: message.text,
  });
  draw_soon();
}

function send(text) {
  if (outbox.is_full()) return 'Too many messages wait for the server. Try again when it is back.';
  outbox.add(open_user(), text, chats.shown_seq(open_user()));
  return '';
}

async function start_chat(name) {
  const { user } = await connection.request({ findUser: { name } });
  chats.found(user.userId, user.name);
  open_chat(user.userId);
}

// At the level of this page a group is a contact with the number of its conversation.
async function make_group(id, name, user_ids) {
  const { groupCreated } = await connection.request({ createGroup: { clientGroupId: id, name, userIds: user_ids } });
  chats.found(groupCreated.conversationId, name);
  open_chat(groupCreated.conversationId);
}

function open_chat(user_id) {
  location.hash = `with=${user_id}`;
  draw();
  focus_chat();
}

function close_chat() {
  const left = open_user();
  history.pushState(null, '', '/');
  draw();
  const rows = [...document.querySelectorAll('#list button')];
  (rows[chats.list().findIndex((chat) => chat.user_id === left)] ?? document.getElementById('start-name')).focus();
}

function focus_chat() {
  if (open_user()) composer_view.focus();
}

// User id of the open chat, or ''. One who is not known (an old address) is no chat.
function open_user() {
  const user_id = OPEN_CHAT.exec(location.hash)?.[1] ?? '';
  return user_id && chats.name_of(user_id) ? user_id : '';
}

function draw_soon() {
  drawing ||= setTimeout(draw, 0);
}

function draw() {
  clearTimeout(drawing);
  drawing = 0;
  if (!session.token) return;
  const open = open_user();
  const in_sight = document.visibilityState === 'visible' ? open : '';
  if (in_sight) chats.mark_shown(in_sight);
  const { conversation_id, newest, own } = chats.newest(in_sight);
  ticks.show(conversation_id, newest, own);
  const all = chats.list();
  const unread = all.filter((chat) => chat.unread).length;
  document.title = unread ? `(${unread}) Highwater` : 'Highwater';
  document.getElementById('own-name').textContent = chats.own_name();
  document.getElementById('chat').dataset.showing = open ? 'thread' : 'list';
  list_view.show(all, open);
  group_view.show(chats.people());
  const has_earlier = open !== '' && chat_history.has_earlier(chats.conversation_with(open));
  thread_view.show(open, open && chats.name_of(open), open ? chats.messages(open) : [], has_earlier);
  composer_view.show(open);
}
