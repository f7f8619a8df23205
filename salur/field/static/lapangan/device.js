// @ts-check
/** The enrolled phone: enrol, lock and unlock, five wrong PINs, revocation. */
import { base64url, hex, random, text, unbase64url, utf8 } from "./bytes.js";
import { loadClock, measure } from "./clock.js";
import { aesKey, decrypt, encrypt, newSigningKey, pinKey, publicPoint, sealToServer, sha256 } from "./crypto.js";
import { all, having, meta, setMeta, write } from "./db.js";
import { elapsed } from "./platform.js";

export const APP = "salur-lapangan/1";
export const PIN_LENGTH = 6;
export const MAX_TRIES = 5;

/** @typedef {import("./bytes.js").Bytes} Bytes */
/**
 * @typedef {object} Device
 * @property {string} id @property {number} officer @property {string} officerName @property {string} branchName
 * @property {string} genesis @property {string} sealingKey @property {CryptoKey} key @property {Bytes} secret @property {Bytes} salt
 * @property {boolean} persisted
 */
/** @typedef {{ bearer: string, list: string, outbox: Record<string, string> }} Vault keys are raw AES-256 keys as base64url */
/** @typedef {{ kek: CryptoKey, vault: Vault, list: CryptoKey, outbox: Map<string, CryptoKey>, kid: string }} Opened */

/** @type {Device | null} */
export let device = null;
/** @type {Opened | null} */
let opened = null;

export class WrongPin extends Error {
  /** @param {number} left */
  constructor(left) {
    super(`${left} tries left`);
    this.left = left;
  }
}

/** What another tab did in the meantime forbids this; the message is the key of a sentence. */
export class Overtaken extends Error {}

export async function loadDevice() {
  const [kept] = await Promise.all([meta("device"), loadClock()]);
  device = kept ?? null;
  return device;
}

/** @returns {Device} */
export function enrolled() {
  if (!device) throw new Error("this phone is not enrolled");
  return device;
}

/** The opened vault; null before the PIN was typed in this start of the app. */
export const keys = () => opened;

/** @returns {Opened} */
export function unlocked() {
  if (!opened) throw new Error("locked");
  return opened;
}

/** What the branch's QR says: `…/lapangan/#daftar=TOKEN.FINGERPRINT`, or only its end when it was typed. @param {string} typed */
export function readInvitation(typed) {
  const found = /([A-Za-z0-9_-]{20,})\.([0-9a-f]{16})\s*$/.exec(typed.trim());
  return found && { token: found[1], fingerprint: found[2] };
}

/**
 * Makes this browser a device of the officer who was offered the token.
 * @param {{ token: string, fingerprint: string }} invitation @param {string} pin @param {object} selfTest @param {boolean} persisted
 */
export async function enrol(invitation, pin, selfTest, persisted) {
  const key = await newSigningKey();
  const point = await publicPoint(key.publicKey);
  const sent = elapsed();
  const response = await fetch("/api/v1/devices/enrol", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      token: invitation.token,
      public_key: base64url(point),
      self_test: selfTest,
      persisted,
      app: APP,
    }),
  });
  if (!response.headers.get("X-Danom-Proto")) throw new Error("portal");
  const certificate = await response.json();
  if (!response.ok) throw new Error(certificate.code ?? "refused");
  const fingerprint = hex(await sha256(unbase64url(certificate.sealing_key))).slice(0, 16);
  if (fingerprint !== invitation.fingerprint) throw new Error("other_server");

  /** @type {Device} */
  const fresh = {
    id: certificate.device,
    officer: certificate.officer,
    officerName: certificate.officer_name,
    branchName: certificate.branch_name,
    genesis: certificate.genesis,
    sealingKey: certificate.sealing_key,
    key: key.privateKey,
    secret: random(32),
    salt: random(16),
    persisted,
  };
  const kek = await pinKey(pin, fresh.salt, fresh.secret);
  const kid = crypto.randomUUID();
  const outboxRaw = random(32);
  /** @type {Vault} */
  const vault = { bearer: certificate.bearer, list: base64url(random(32)), outbox: { [kid]: base64url(outboxRaw) } };
  const locked = await encrypt(kek, utf8(JSON.stringify(vault)), fresh.id);
  const sealed = await sealToServer(fresh.sealingKey, outboxRaw, fresh.id);
  await write(["meta", "keys", "lists", "chunks"], (tx) => {
    const store = tx.objectStore("meta");
    store.put(fresh, "device");
    store.put({ seq: 0, prev: fresh.genesis }, "chain");
    store.put(locked, "vault");
    store.put(0, "tries");
    store.put(null, "shift");
    store.put(false, "revoked");
    tx.objectStore("keys").put({ kid, dev: fresh.id, sealed });
    tx.objectStore("lists").clear();
    tx.objectStore("chunks").clear();
  });
  device = fresh;
  await measure(certificate.server_time, sent);
  await open(kek, vault, kid);
}

/** @param {CryptoKey} kek @param {Vault} vault @param {string} kid */
async function open(kek, vault, kid) {
  /** @type {Map<string, CryptoKey>} */
  const outbox = new Map();
  for (const [id, raw] of Object.entries(vault.outbox)) outbox.set(id, await aesKey(unbase64url(raw)));
  opened = { kek, vault, list: await aesKey(unbase64url(vault.list)), outbox, kid };
}

/** Opens the vault. The fifth wrong PIN wipes the list and the vault; the outbox stays, sealed to the server. @param {string} pin */
export async function unlock(pin) {
  const owner = enrolled();
  // Counted before it is tried: pulling the battery does not buy another try.
  const tries = await write(["meta"], async (tx) => {
    const store = tx.objectStore("meta");
    /** @type {number} */
    const before = await new Promise((resolve) => {
      const request = store.get("tries");
      request.onsuccess = () => resolve(request.result ?? 0);
    });
    store.put(before + 1, "tries");
    return before + 1;
  });
  const locked = await meta("vault");
  const kek = await pinKey(pin, owner.salt, owner.secret);
  let plain;
  try {
    plain = await decrypt(kek, locked, owner.id);
  } catch {
    if (tries >= MAX_TRIES) await wipe();
    throw new WrongPin(Math.max(0, MAX_TRIES - tries));
  }
  await setMeta("tries", 0);
  /** @type {Vault} */
  const vault = JSON.parse(text(plain));
  const kids = Object.keys(vault.outbox);
  await open(kek, vault, kids[kids.length - 1]);
}

/** A fresh outbox key for a new shift: a key that leaks tells of one day only. */
export async function renewOutboxKey() {
  const owner = enrolled();
  const { kek, vault } = unlocked();
  const kid = crypto.randomUUID();
  const raw = random(32);
  const sealed = await sealToServer(owner.sealingKey, raw, owner.id);
  const renewed = { ...vault, outbox: { ...vault.outbox, [kid]: base64url(raw) } };
  const locked = await encrypt(kek, utf8(JSON.stringify(renewed)), owner.id);
  await write(["meta", "keys"], (tx) => {
    tx.objectStore("meta").put(locked, "vault");
    tx.objectStore("keys").put({ kid, dev: owner.id, sealed });
  });
  await open(kek, renewed, kid);
}

/** Takes the list and every key the PIN opens away; what happened in the field stays, readable by the server alone. */
export async function wipe() {
  opened = null;
  await write(["meta", "lists", "chunks"], (tx) => {
    tx.objectStore("meta").delete("vault");
    tx.objectStore("lists").clear();
    tx.objectStore("chunks").clear();
  });
}

export const wiped = async () => Boolean(device) && !(await meta("vault"));

/** What this browser was before, and still owes events of. @returns {Promise<string[]>} */
export async function formerDevices() {
  const waiting = /** @type {import("./chain.js").Kept[]} */ (await having("outbox", "state", "queued"));
  return [...new Set(waiting.map((kept) => kept.dev))].filter((dev) => dev !== device?.id);
}

/** @param {string} dev @returns {Promise<any[]>} */
const sealedKeysOf = async (dev) => (await all("keys")).filter((key) => key.dev === dev);

/** Some events of a former device, as they lie: a small emergency file. @param {string} dev @param {import("./chain.js").Kept[]} events */
export const sealedEvents = async (dev, events) => ({
  salur: "outbox-v1",
  keys: await sealedKeysOf(dev),
  events: events.map((one) => ({ dev, seq: one.seq, kid: one.kid, iv: base64url(one.iv), ct: base64url(one.ct) })),
  photos: [],
});

/** @param {{ dev: string, sha: string, kid: string }} photo @param {import("./crypto.js").Sealed} kept */
export const sealedPhoto = async (photo, kept) => ({
  salur: "outbox-v1",
  keys: await sealedKeysOf(photo.dev),
  events: [],
  photos: [{ dev: photo.dev, sha: photo.sha, kid: photo.kid, iv: base64url(kept.iv), ct: base64url(kept.ct) }],
});

/** Everything that is not yet proven to be at the server, sealed: the file for the day when nothing else works. */
export async function exportFile() {
  const [sealedKeys, events, photos, bytes] = [await all("keys"), await all("outbox"), await all("photos"), await all("bytes")];
  const held = new Map(bytes.map((one) => [one.sha, one]));
  const facts = {
    salur: "outbox-v1",
    devices: [...new Set(sealedKeys.map((key) => key.dev))],
    keys: sealedKeys,
    events: events.map((one) => ({ dev: one.dev, seq: one.seq, kid: one.kid, iv: base64url(one.iv), ct: base64url(one.ct) })),
    photos: photos
      .filter((one) => held.has(one.sha))
      .map((one) => ({ dev: one.dev, sha: one.sha, kid: one.kid, iv: base64url(held.get(one.sha).iv), ct: base64url(held.get(one.sha).ct) })),
  };
  return new Blob([JSON.stringify(facts)], { type: "application/json" });
}
