// @ts-check
/** Bytes and how they are written. */

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @param {string} text @returns {Bytes} */
export const utf8 = (text) => /** @type {Bytes} */ (encoder.encode(text));

/** @param {BufferSource} bytes */
export const text = (bytes) => decoder.decode(bytes);

/** @param {ArrayBuffer | Uint8Array} bytes */
export const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {string} digits @returns {Bytes} */
export const unhex = (digits) => Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** @param {ArrayBuffer | Uint8Array} bytes */
export function base64url(bytes) {
  const view = new Uint8Array(bytes);
  let binary = "";
  for (let at = 0; at < view.length; at += 8192) binary += String.fromCharCode(...view.subarray(at, at + 8192));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** @param {string} letters @returns {Bytes} */
export const unbase64url = (letters) =>
  Uint8Array.from(atob(letters.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));

/** @param {...(ArrayBuffer | Uint8Array)} parts @returns {Bytes} */
export function joined(...parts) {
  const views = parts.map((part) => new Uint8Array(part));
  const whole = new Uint8Array(views.reduce((sum, view) => sum + view.length, 0));
  let at = 0;
  for (const view of views) {
    whole.set(view, at);
    at += view.length;
  }
  return whole;
}

/** @param {number} count @returns {Bytes} */
export const random = (count) => crypto.getRandomValues(new Uint8Array(count));

let lastMs = 0;
let counter = 0;

/** A UUIDv7 (RFC 9562); of two made in one millisecond, the later is the greater, and never earlier than one before. @param {number} at */
export function uuid7(at) {
  const tail = random(10);
  if (at > lastMs) {
    lastMs = at;
    counter = ((tail[0] << 8) | tail[1]) & 0x7ff; // room to count up within the millisecond
  } else {
    counter += 1;
    if (counter > 0xfff) {
      lastMs += 1;
      counter = 0;
    }
  }
  const digits =
    lastMs.toString(16).padStart(12, "0") +
    (0x7000 | counter).toString(16) +
    (0x80 | (tail[2] & 0x3f)).toString(16).padStart(2, "0") +
    hex(tail.subarray(3));
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** The number on a receipt: 40 bits of the event's digest, `XXXX-XXXX`; the server computes the same (wire.py). @param {string} digest hex */
export function receiptNo(digest) {
  const bits = BigInt(`0x${digest.slice(0, 10)}`);
  let letters = "";
  for (let shift = 35n; shift >= 0n; shift -= 5n) letters += CROCKFORD[Number((bits >> shift) & 31n)];
  return `${letters.slice(0, 4)}-${letters.slice(4)}`;
}
