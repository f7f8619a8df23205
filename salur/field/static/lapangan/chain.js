// @ts-check
/**
 * Events: what happened in the field, signed, chained, encrypted, and on the disk before anything is shown as done.
 * Only one tab adds at a time: the head is read, signed upon and replaced while nobody else writes.
 */
import { base64url, hex, receiptNo, unbase64url, utf8, uuid7, text } from "./bytes.js";
import { skew } from "./clock.js";
import { decrypt, encrypt, sha256, sign } from "./crypto.js";
import { alter, asFull, read, result } from "./db.js";
import { APP, Overtaken, enrolled, unlocked } from "./device.js";
import { BOOT, elapsed, now, zone } from "./platform.js";

/**
 * @typedef {object} Kept an event in the outbox; no personal data in the clear
 * @property {string} dev @property {number} seq @property {string} id @property {string} typ @property {string | null} asg
 * @property {number} amt rupiah that left (PAY) or came (CASH), 0 otherwise @property {string} h @property {string} kid
 * @property {import("./bytes.js").Bytes} iv @property {ArrayBuffer} ct @property {"queued" | "held" | "done" | "action"} state
 * @property {string | null} answer @property {string[]} flags @property {string} receipt @property {number} cap_ms
 * @property {string | null} shift @property {string} sub what kind of it: a reason, a channel
 */
/** @typedef {{ b: string, s: string, h: string }} Envelope */
/** @typedef {{ k: string, sha: string, n: number, w: number, h: number, mime: string, cap_ms: number, blob: Blob, bytes: ArrayBuffer }} Shot a photo just taken */

/** Bodies hold whole numbers only: no two languages write the same fraction. @param {unknown} value */
function wholeNumbersOnly(value) {
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new TypeError(`${value} is not a whole number`);
  if (value && typeof value === "object") Object.values(value).forEach(wholeNumbersOnly);
}

/** @param {string} dev @param {number} seq */
const about = (dev, seq) => `event ${dev} ${seq}`;

/**
 * Signs and keeps the next event with its photos, all or nothing; resolves when it is durable.
 * @param {Record<string, any> & { typ: string }} facts @param {Shot[]} [shots]
 * @param {(meta: IDBObjectStore) => void} [also] what must change together with it
 * @returns {Promise<Kept>}
 */
export async function append(facts, shots = [], also) {
  return alter(async (write) => {
    const owner = enrolled();
    const { outbox, kid } = unlocked();
    const key = /** @type {CryptoKey} */ (outbox.get(kid));
    const { head, shift, before } = await standing(facts.asg);
    if (facts.typ === "PAY") mayPay(shift, before);
    const at = now();
    const body = {
      v: 1,
      id: uuid7(at),
      dev: owner.id,
      seq: head.seq + 1,
      prev: head.prev,
      cap_ms: at,
      tz: zone(),
      shift: shift?.id ?? null,
      boot: BOOT,
      mono_ms: Math.round(elapsed()),
      ...skew(),
      app: APP,
      ...facts,
      ...(shots.length ? { ph: shots.map(({ blob, bytes, ...told }) => told) } : {}),
    };
    wholeNumbersOnly(body);
    // WebCrypto first, the transaction after: awaiting anything else inside would end it.
    const bytes = utf8(JSON.stringify(body));
    const [digest, signature, ...hidden] = await Promise.all([sha256(bytes), sign(owner.key, bytes), ...shots.map((shot) => encrypt(key, shot.bytes, `photo ${shot.sha}`))]);
    const h = hex(digest);
    /** @type {Envelope} */
    const envelope = { b: base64url(bytes), s: base64url(signature), h };
    const sealed = await encrypt(key, utf8(JSON.stringify(envelope)), about(owner.id, body.seq));
    /** @type {Kept} */
    const kept = {
      dev: owner.id,
      seq: body.seq,
      id: body.id,
      typ: body.typ,
      asg: facts.asg ?? null,
      amt: facts.amt ?? facts.float_rp ?? 0,
      h,
      kid,
      ...sealed,
      state: "queued",
      answer: null,
      flags: [],
      receipt: receiptNo(h),
      cap_ms: at,
      shift: body.shift,
      sub: facts.reason ?? facts.ch ?? facts.what ?? "",
    };
    await write(["meta", "outbox", "photos", "bytes"], async (tx) => {
      const store = tx.objectStore("meta");
      const again = await result(store.get("chain"));
      if (again.seq !== head.seq) throw new Error("the chain moved under the lock");
      store.put({ seq: body.seq, prev: h }, "chain");
      tx.objectStore("outbox").add(kept);
      shots.forEach(({ blob, bytes, ...told }, at) => {
        tx.objectStore("photos").put({ ...told, dev: owner.id, seq: body.seq, kid, state: "queued" });
        tx.objectStore("bytes").put({ sha: told.sha, ...hidden[at] });
      });
      if (also) also(store);
    });
    return kept;
  }).catch(asFull);
}

/** Where the chain stands, the open shift, and what was recorded of a family: one question to the disk. @param {string | undefined} asg */
const standing = (asg) =>
  read(["meta", "outbox"], async (tx) => {
    const store = tx.objectStore("meta");
    const [head, shift, before] = await Promise.all([result(store.get("chain")), result(store.get("shift")), asg ? result(tx.objectStore("outbox").index("asg").getAll(asg)) : []]);
    return { head, shift, before: /** @type {Kept[]} */ (before) };
  });

/** Under the lock: the screen that asked may be older than the other tab's last payment. @param {unknown} shift @param {Kept[]} before */
function mayPay(shift, before) {
  if (!shift) throw new Overtaken("shift_first");
  const last = before.filter((one) => one.typ === "PAY" || one.typ === "VOID").sort((one, other) => (one.id < other.id ? -1 : 1)).pop();
  if (last?.typ === "PAY") throw new Overtaken("st_paid");
}

/** The envelope of a kept event, as it goes to the server. @param {Kept} kept @returns {Promise<Envelope>} */
export async function envelopeOf(kept) {
  const key = unlocked().outbox.get(kept.kid);
  if (!key) throw new Error("no key for this event");
  return JSON.parse(text(await decrypt(key, kept, about(kept.dev, kept.seq))));
}

/** What an event says. @param {Kept} kept @returns {Promise<any>} */
export const bodyOf = async (kept) => JSON.parse(text(unbase64url((await envelopeOf(kept)).b)));

/** A photo's bytes, decrypted; null when they were sent and deleted. @param {{ sha: string, kid: string, mime: string }} photo @param {import("./crypto.js").Sealed | undefined} sealed */
export async function photoBytes(photo, sealed) {
  const key = unlocked().outbox.get(photo.kid);
  return sealed && key ? decrypt(key, sealed, `photo ${photo.sha}`) : null;
}
