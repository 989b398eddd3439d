// Bytes as the wire's JSON writes them: base64 in the standard alphabet, with padding.

// Of a snapshot a client may read only these bytes (3 to 10, counting from 1): its base.
const BASE_FROM = 2;
const BASE_TO = 10;

const CLIENT_MESSAGE_ID_BYTES = 16;

// The base of a snapshot, as a string of bytes; empty for whatever is too short to have one.
export function baseOf(snapshot) {
  const bytes = atob(snapshot);
  return bytes.length < BASE_TO ? '' : bytes.slice(BASE_FROM, BASE_TO);
}

// Whether a page that names `base` (base64, or undefined) continues `snapshot`.
export function continues(base, snapshot) {
  return atob(base ?? '') === baseOf(snapshot);
}

// A client message id that nobody has used: 16 bytes of the browser's cryptographic generator.
export function newClientMessageId() {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(CLIENT_MESSAGE_ID_BYTES))));
}
