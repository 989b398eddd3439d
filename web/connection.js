// One WebSocket after the other: hello, requests and their answers, heartbeat, reconnecting with full jitter.

import { Backoff } from './backoff.js';
import { INVALID_TOKEN, Lost, Refused } from './refusals.js';

const SUBPROTOCOL = 'highwater.v1.json';
const LEVEL = 1;

// Opening and greeting together. The server gives a connection 10 s to say hello.
const GREETING_TIMEOUT_MS = 10_000;

// A connection that was silent for two heartbeats and this long is dead. Source: the protocol, section 7.
const SILENCE_EXTRA_MS = 10_000;

const CLOCK_TICK_MS = 1_000;

const CLOSED_AS_REPLACED = 4409;
const CLOSED_AS_RESTARTING = 1012;
const CLOSED_AS_SIGNED_OUT = 4401;
const DEVICE_REPLACED = 'device_replaced';
const WORDS_FOR_DEVICE_REPLACED = 'You signed in elsewhere, and this server allows one such device. So you were signed out here.';

export class Connection {
  // What it is doing: connecting, online, waiting; or it has ended: idle, replaced, signed_out, refused.
  state = 'idle';
  greeting = null;
  #token = '';
  #handlers;
  #snapshot;
  #socket = null;
  #unanswered = new Map();
  #last_request_id = 0;
  #backoff = new Backoff();
  #timer = 0;
  #tick = 0;
  #sent_ms = 0;
  #heard_ms = 0;

  // `snapshot()` gives the newest stored snapshot, handed back with every request. Handlers, all called without waiting:
  // state(state, reason), greeting(greeting), push(page), nudge(),
  // watermark(watermark), day(day).
  constructor(snapshot, handlers) {
    this.#snapshot = snapshot;
    this.#handlers = handlers;
    // A network or a tab that is back is a reason to begin the waiting anew, with its shortest step.
    addEventListener('online', () => this.hurry());
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.hurry());
  }

  start(token) {
    this.stop();
    this.#token = token;
    this.#open();
  }

  // Closes it for good, or until start.
  stop() {
    this.#end('idle');
  }

  // Tries again at once, if it only waits or was replaced.
  retry_now() {
    if (this.state !== 'waiting' && this.state !== 'replaced') return;
    clearTimeout(this.#timer);
    this.#open();
  }

  // Waits anew from the shortest step.
  hurry() {
    if (this.state !== 'waiting') return;
    this.#backoff.reset();
    this.#wait(0);
  }

  // A page was applied: the connection is good for something, and the next failure is a first one.
  progressed() {
    this.#backoff.reset();
  }

  // Sends a request of a greeted connection and resolves with its answer's frame.
  // Throws Refused, or Lost if the connection ends before the answer.
  request(body) {
    return this.state === 'online' ? this.#request({ snapshot: this.#snapshot() || undefined, ...body }) : Promise.reject(new Lost());
  }

  #request(body) {
    return new Promise((resolve, reject) => {
      this.#last_request_id += 1;
      const request_id = String(this.#last_request_id);
      this.#unanswered.set(request_id, { resolve, reject });
      this.#sent_ms = Date.now();
      // A socket that closes says so only later. Until then this waits with the others that its end will reject.
      if (this.#socket.readyState !== WebSocket.OPEN) return;
      this.#socket.send(JSON.stringify({ requestId: request_id, ...body }));
    });
  }

  #open() {
    this.#enter('connecting');
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}/v1/ws`, SUBPROTOCOL);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#lose(0), GREETING_TIMEOUT_MS);
    // What an abandoned socket still says is nobody's business.
    const ours = (handle) => (event) => this.#socket === socket && handle(event);
    socket.onopen = ours(() => this.#hello());
    socket.onmessage = ours((event) => this.#hear(event.data));
    socket.onclose = ours((event) => this.#closed(event));
  }

  async #hello() {
    try {
      const hello = { token: this.#token, level: LEVEL, client: 'highwater page', locale: navigator.language };
      const { greeting } = await this.#request({ hello });
      clearTimeout(this.#timer);
      this.greeting = greeting;
      this.#tick = setInterval(() => this.#look_at_clock(), CLOCK_TICK_MS);
      this.#enter('online');
      this.#handlers.greeting(greeting);
    } catch (error) {
      // The end of a connection is dealt with where it was seen.
      if (error instanceof Lost) return;
      if (!(error instanceof Refused)) throw error;
      if (error.code === INVALID_TOKEN) this.#end('signed_out', error.message);
      else if (error.retry) this.#lose(error.retry_after_ms);
      else this.#end('refused', error.message);
    }
  }

  #hear(data) {
    this.#heard_ms = Date.now();
    const frame = JSON.parse(data);
    const asked = this.#unanswered.get(frame.requestId);
    if (asked) {
      this.#unanswered.delete(frame.requestId);
      if (frame.error) asked.reject(new Refused(frame.error));
      else asked.resolve(frame);
      if (frame.heartbeat?.day) this.#handlers.day(frame.heartbeat.day);
    } else if (frame.push) this.#handlers.push(frame.push);
    else if (frame.nudge) this.#handlers.nudge();
    else if (frame.watermark) this.#handlers.watermark(frame.watermark);
    else if (frame.error) console.warn('the server did not understand a frame', frame.error.code, frame.error.name);
  }

  #look_at_clock() {
    const now_ms = Date.now();
    const heartbeat_ms = this.greeting.heartbeatMs;
    if (now_ms - this.#heard_ms > 2 * heartbeat_ms + SILENCE_EXTRA_MS) this.#lose(0);
    else if (now_ms - this.#sent_ms >= heartbeat_ms) this.request({ heartbeat: {} }).catch(() => {});
  }

  #closed({ code, reason }) {
    if (code === CLOSED_AS_REPLACED) return this.#end('replaced');
    if (code === CLOSED_AS_SIGNED_OUT && reason === DEVICE_REPLACED) return this.#end('signed_out', WORDS_FOR_DEVICE_REPLACED);
    const spread_ms = code === CLOSED_AS_RESTARTING ? Number(/retry_after_ms=(\d+)/.exec(reason)?.[1] ?? 0) : 0;
    return this.#lose(Math.random() * spread_ms);
  }

  // The connection is gone; another one is tried after a while, not before `least_ms`.
  #lose(least_ms) {
    this.#abandon();
    this.#wait(least_ms);
  }

  #wait(least_ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), least_ms + this.#backoff.next());
    this.#enter('waiting');
  }

  #end(state, reason) {
    this.#abandon();
    this.#enter(state, reason);
  }

  #abandon() {
    clearTimeout(this.#timer);
    clearInterval(this.#tick);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    for (const { reject } of this.#unanswered.values()) reject(new Lost());
    this.#unanswered.clear();
  }

  #enter(state, reason) {
    this.state = state;
    this.#handlers.state(state, reason);
  }
}
