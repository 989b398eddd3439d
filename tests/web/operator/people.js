// People who use the server: single requests over HTTP.

import { randomBytes } from 'node:crypto';

const PASSWORD = 'seven grey herons';
const DAY_MS = 86_400_000;

const message = (to, text) => ({ send: { clientMessageId: random_id(), day: Math.floor(Date.now() / DAY_MS), ...to, text } });
const random_id = () => randomBytes(16).toString('base64');

export class People {
  constructor(url) {
    this.url = url;
  }

  // Asks and gives the answer as it is, also a refusal.
  async ask(token, request) {
    const headers = { 'content-type': 'application/json' };
    if (token) headers.authorization = `Bearer ${token}`;
    const body = JSON.stringify({ requestId: '1', ...request });
    const response = await fetch(`${this.url}/v1/request`, { method: 'POST', headers, body });
    return response.json();
  }

  // The same for what must be done.
  async done(token, request) {
    const answer = await this.ask(token, request);
    if (answer.error) throw new Error(`${Object.keys(request)}: ${JSON.stringify(answer.error)}`);
    return answer;
  }

  async register(name, device = 'desk') {
    const answer = await this.done('', { register: { name, password: PASSWORD, device: { name: device } } });
    return { name, token: answer.signedIn.token, user_id: answer.signedIn.userId };
  }

  async another_device(name, device) {
    const answer = await this.done('', { signIn: { name, password: PASSWORD, device: { name: device } } });
    return answer.signedIn;
  }

  async say(token, to, text) {
    return (await this.done(token, message(to, text))).sent;
  }

  // The same where it may be refused.
  try_to_say(token, to, text) {
    return this.ask(token, message(to, text));
  }

  async group(token, name, user_ids) {
    const createGroup = { clientGroupId: random_id(), name, userIds: user_ids };
    return (await this.done(token, { createGroup })).groupCreated.conversationId;
  }
}
