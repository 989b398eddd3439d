// Asking the server. An answer is what the caller expects, or a fault that says in words what went wrong.

import { session } from './session.svelte';

// Longer than any answer takes, shorter than somebody waits.
const TIMEOUT_MS = 20_000;

export class AskFault extends Error {
  /** Status of HTTP; 0 if there was no answer. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function get<T>(path: string): Promise<T> {
  return ask<T>('GET', path);
}

export function post<T>(path: string, body: object): Promise<T> {
  return ask<T>('POST', path, body);
}

/** A list: a document in each line. */
export async function lines<T>(path: string, body: object): Promise<T[]> {
  const text = await text_of('POST', path, body);
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as T);
}

async function ask<T>(method: string, path: string, body?: object): Promise<T> {
  const text = await text_of(method, path, body);
  return (text === '' ? null : JSON.parse(text)) as T;
}

async function text_of(method: string, path: string, body?: object): Promise<string> {
  const token = session.token;
  const headers: Record<string, string> = { authorization: `Bearer ${token ?? ''}` };
  if (body !== undefined) headers['content-type'] = 'application/json';
  const request: RequestInit = { method, headers, signal: AbortSignal.timeout(TIMEOUT_MS), cache: 'no-store' };
  if (body !== undefined) request.body = JSON.stringify(body);
  const response = await answered(path, request);
  if (response.status === 401) {
    // Of a token that is no longer the one in use nothing is concluded.
    if (session.token === token) session.end(true);
    throw new AskFault(401, 'the token is not good');
  }
  const text = await response.text();
  if (!response.ok) throw new AskFault(response.status, words(text) ?? `the server answered ${response.status}`);
  return text;
}

async function answered(path: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(path, request);
  } catch {
    throw new AskFault(0, 'the server does not answer');
  }
}

/** What the server says about a refusal. */
function words(text: string): string | null {
  try {
    const said: unknown = JSON.parse(text);
    if (typeof said === 'object' && said !== null && 'message' in said && typeof said.message === 'string') {
      return said.message;
    }
  } catch {
    // Not JSON: there are no words for people in it.
  }
  return null;
}

export function said(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}
