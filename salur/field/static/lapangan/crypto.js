// @ts-check
/**
 * Keys: who signs, what opens what.
 *
 * - The device signs with ECDSA P-256; the key cannot be exported, but lies in the profile: it proves "this profile", not "this chip".
 * - The PIN opens the vault: KEK = HKDF(PBKDF2-SHA-256(PIN, salt, 600,000) ‖ the device's secret). The vault holds the keys of the list
 *   and of the outbox, and the token to fetch lists.
 * - Each outbox key is also sealed to the server (sealing.py): a lost PIN loses no proof of payment.
 */
import { base64url, joined, random, unbase64url, utf8 } from "./bytes.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {{ iv: Bytes, ct: ArrayBuffer }} Sealed */

export const PIN_ROUNDS = 600_000;
const P256 = { name: "ECDSA", namedCurve: "P-256" };

/** @param {BufferSource} bytes */
export const sha256 = (bytes) => crypto.subtle.digest("SHA-256", bytes);

export const newSigningKey = () =>
  /** @type {Promise<CryptoKeyPair>} */ (crypto.subtle.generateKey(P256, false, ["sign", "verify"]));

/** The uncompressed point, 65 bytes. @param {CryptoKey} key */
export const publicPoint = (key) => crypto.subtle.exportKey("raw", key);

/** @param {CryptoKey} key @param {BufferSource} bytes @returns {Promise<ArrayBuffer>} r‖s, 64 bytes */
export const sign = (key, bytes) => crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, bytes);

/** @param {BufferSource} raw */
export const aesKey = (raw) => crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);

/** @param {CryptoKey} key @param {BufferSource} bytes @param {string} about what it is, so that it cannot pass for another thing @returns {Promise<Sealed>} */
export async function encrypt(key, bytes, about) {
  const iv = random(12);
  return { iv, ct: await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: utf8(about) }, key, bytes) };
}

/** @param {CryptoKey} key @param {Sealed} sealed @param {string} about @returns {Promise<ArrayBuffer>} */
export const decrypt = (key, sealed, about) =>
  crypto.subtle.decrypt({ name: "AES-GCM", iv: sealed.iv, additionalData: utf8(about) }, key, sealed.ct);

/** The key that the PIN makes. @param {string} pin @param {Bytes} salt @param {Bytes} secret */
export async function pinKey(pin, salt, secret) {
  const typed = await crypto.subtle.importKey("raw", utf8(pin), "PBKDF2", false, ["deriveBits"]);
  const stretched = await crypto.subtle.deriveBits(
    { name: "PBKDF2", hash: "SHA-256", salt, iterations: PIN_ROUNDS },
    typed,
    256,
  );
  const both = await crypto.subtle.importKey("raw", joined(stretched, secret), "HKDF", false, ["deriveKey"]);
  return crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: utf8("salur-kek-v1") },
    both,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
}

/** Seals to the server: `ephemeral point ‖ iv ‖ ciphertext`. @param {string} serverKey base64url @param {BufferSource} bytes @param {string} device */
export async function sealToServer(serverKey, bytes, device) {
  const server = unbase64url(serverKey);
  const curve = { name: "ECDH", namedCurve: "P-256" };
  const theirs = await crypto.subtle.importKey("raw", server, curve, false, []);
  const mine = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey(curve, false, ["deriveBits"]));
  const point = await crypto.subtle.exportKey("raw", mine.publicKey);
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, mine.privateKey, 256);
  const secret = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
  const key = await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: joined(point, server), info: utf8("salur-seal-v1") },
    secret,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt"],
  );
  const { iv, ct } = await encrypt(key, bytes, device);
  return base64url(joined(point, iv, ct));
}
