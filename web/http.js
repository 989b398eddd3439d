// Single requests over HTTP: what is asked before there is a connection, and signing out.

import { Lost, Refused } from './refusals.js';

// How long an answer may take. Passwords are hashed slowly on purpose, and a busy server lets them queue.
const ANSWER_TIMEOUT_MS = 20_000;

// Sends one request; resolves with the answer's frame.
// Throws Refused or Lost.
export async function ask(request, token) {
  const headers = { 'content-type': 'application/json' };
  if (token) headers.authorization = `Bearer ${token}`;
  const answer = await json('/v1/request', { method: 'POST', headers, body: JSON.stringify({ requestId: '1', ...request }) });
  if (answer.error) throw new Refused(answer.error);
  return answer;
}

// What the page should know of the server before anybody signs in: { registration, dev }.
// Throws Lost.
export function aboutServer() {
  return json('/v1/server', {});
}

async function json(path, options) {
  try {
    const response = await fetch(path, { ...options, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    return await response.json();
  } catch {
    throw new Lost();
  }
}
