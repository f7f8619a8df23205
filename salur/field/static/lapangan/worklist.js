// @ts-check
/** The work list: encrypted chunks of a hundred families on the disk, in the clear in memory only while unlocked. */
import { CROCKFORD, text, unhex, utf8 } from "./bytes.js";
import { trusted } from "./clock.js";
import { decrypt, encrypt, sha256 } from "./crypto.js";
import { all, meta, setMeta, write } from "./db.js";
import { device, unlocked } from "./device.js";

const CHUNK = 100;

/**
 * @typedef {object} Family
 * @property {string} asg @property {string} list @property {number} no @property {string} number @property {string} name @property {number | null} born
 * @property {string | null} sex @property {string} address @property {string} rt @property {string} rw @property {string} village
 * @property {number} amount_rp @property {boolean} held @property {number} closes when nobody pays in its village any more @property {boolean} paidElsewhere @property {string} code @property {string} seal @property {string[]} sounds
 * @property {string} digits
 */
/** @typedef {{ id: string, stage_code: string, programme: string, proxy: string, day: string, count: number, sum_rp: number, expires_ms: number, sha256: string, places: Record<string, string> }} ListHead */
/**
 * @typedef {object} Done what this phone did for a family
 * @property {import("./chain.js").Kept} [paid] @property {import("./chain.js").Kept} [unpaid] @property {import("./chain.js").Kept} [house]
 * @property {boolean} action
 */

/** @typedef {{ since: number, held: string[], paid: Record<string, boolean>, closes: Record<string, Record<string, number | null>> }} Changes what became known since the list was fetched */
/** @type {Changes} */
const NOTHING = { since: 0, held: [], paid: {}, closes: {} };

/** @type {Family[]} */
export let families = [];
/** @type {ListHead[]} */
export let lists = [];
/** @type {Map<string, Family>} */
let byAsg = new Map();
/** @type {Map<string, Family>} */
let byCode = new Map();

/** @param {string} asg */
export const family = (asg) => byAsg.get(asg);

/** @param {string} list */
export const listOf = (list) => lists.find((one) => one.id === list);

/** The list leaves the memory; the disk keeps it encrypted. */
export function forget() {
  families = [];
  lists = [];
  byAsg = new Map();
  byCode = new Map();
}

/**
 * Puts fetched lists in the place of those on the phone. Columns come by name, so a newer server may add some.
 * @param {(ListHead & { columns: string[], rows: any[][] })[]} fetched
 */
export async function keep(fetched) {
  const { list: key } = unlocked();
  /** @type {any[]} */
  const chunks = [];
  for (const { columns, rows, ...head } of fetched) {
    for (let n = 0; n * CHUNK < rows.length; n++) {
      const part = rows.slice(n * CHUNK, (n + 1) * CHUNK);
      const plain = utf8(JSON.stringify({ columns, rows: part }));
      chunks.push({ list: head.id, n, ...(await encrypt(key, plain, `list ${head.id} ${n}`)) });
    }
  }
  await write(["lists", "chunks", "meta"], (tx) => {
    for (const name of ["lists", "chunks"]) tx.objectStore(name).clear();
    tx.objectStore("meta").delete("changes");
    for (const { columns, rows, ...head } of fetched) tx.objectStore("lists").put(head);
    for (const chunk of chunks) tx.objectStore("chunks").put(chunk);
  });
  await load();
}

/** Decrypts the lists that have not expired by trusted time; those that have are deleted. */
export async function load() {
  const { list: key } = unlocked();
  const heads = /** @type {ListHead[]} */ (await all("lists"));
  const expired = heads.filter((head) => head.expires_ms <= trusted()).map((head) => head.id);
  if (expired.length) {
    await write(["lists", "chunks"], (tx) => {
      for (const id of expired) {
        tx.objectStore("lists").delete(id);
        tx.objectStore("chunks").delete(IDBKeyRange.bound([id], [id, []]));
      }
    });
  }
  const living = heads.filter((head) => !expired.includes(head.id));
  /** @type {Family[]} */
  const found = [];
  for (const chunk of await all("chunks")) {
    if (expired.includes(chunk.list)) continue;
    const { columns, rows } = JSON.parse(text(await decrypt(key, chunk, `list ${chunk.list} ${chunk.n}`)));
    for (const row of rows) found.push(familyOf(columns, row, chunk.list));
  }
  found.sort((one, other) => (one.list === other.list ? one.no - other.no : one.list < other.list ? -1 : 1));
  const codes = await Promise.all(found.map((one) => letterCode(one.asg)));
  found.forEach((one, at) => (one.code = codes[at]));
  /** @type {Changes} */
  const known = (await meta("changes")) ?? NOTHING;
  for (const one of found) apply(known, one);
  lists = living;
  families = found;
  byAsg = new Map(found.map((one) => [one.asg, one]));
  byCode = new Map(found.map((one) => [one.code, one]));
}

/** @param {Changes} known @param {Family} one */
function apply(known, one) {
  if (known.since) one.held = known.held.includes(one.asg);
  one.paidElsewhere = known.paid[one.asg] ?? one.paidElsewhere;
  const closes = known.closes[one.list]?.[one.village];
  if (closes !== undefined) one.closes = closes ?? Infinity;
}

/**
 * What the server says has changed about the families on this phone: paid elsewhere, held, other closing days. What this phone did itself is never
 * written over: its own payments are its outbox's business.
 * @param {{ lists: string[], changes: { asg: string, amount_rp: number, held: boolean, paid: boolean | null }[], closes: Changes["closes"] }} told
 * @param {number} since from when the next question asks @returns {Promise<boolean>} false when only the whole list helps: another list, another amount
 */
export async function change(told, since) {
  const mine = lists.map((one) => one.id);
  if (told.lists.length !== mine.length || told.lists.some((id) => !mine.includes(id))) return false;
  if (told.changes.some((one) => byAsg.get(one.asg)?.amount_rp !== one.amount_rp)) return false;
  const done = await whatWasDone();
  /** @type {Changes} */
  const before = (await meta("changes")) ?? NOTHING;
  const paid = { ...before.paid };
  for (const one of told.changes) if (!done.has(one.asg)) paid[one.asg] = Boolean(one.paid);
  /** @type {Changes} */
  const known = { since, held: told.changes.filter((one) => one.held).map((one) => one.asg), paid, closes: told.closes };
  await setMeta("changes", known);
  for (const one of families) apply(known, one);
  return true;
}

/** Whether a list has ended since it was loaded; then it is gone from memory and disk. @returns {Promise<boolean>} */
export async function expire() {
  if (!lists.some((one) => one.expires_ms <= trusted())) return false;
  await load();
  return true;
}

/** @param {string[]} columns @param {any[]} row @param {string} list @returns {Family} */
function familyOf(columns, row, list) {
  /** @type {any} */
  const it = Object.fromEntries(columns.map((column, at) => [column, row[at]]));
  return {
    asg: it.asg,
    list,
    no: it.no,
    number: it.number ?? "",
    name: it.name,
    born: it.born,
    sex: it.sex,
    address: it.address ?? "",
    rt: it.rt ?? "",
    rw: it.rw ?? "",
    village: String(it.village ?? ""),
    amount_rp: it.amount_rp,
    held: Boolean(it.held),
    closes: it.closes_ms ?? Infinity,
    paidElsewhere: Boolean(it.paid),
    code: "",
    seal: it.seal ?? "",
    sounds: sounds(it.name),
    digits: String(it.number ?? "").replace(/\D/g, ""),
  };
}

/** Whether the window of the family's village is over by trusted time. @param {Family} one */
export const closed = (one) => one.closes <= trusted();

/** The code on a family's letter; the same as salur/lib/letter_code.py. @param {string} asg */
export async function letterCode(asg) {
  const digest = new Uint8Array(await sha256(unhex(asg.replaceAll("-", ""))));
  let bits = 0n;
  for (const byte of digest.subarray(0, 5)) bits = (bits << 8n) | BigInt(byte);
  bits >>= 5n;
  const values = [];
  for (let shift = 30n; shift >= 0n; shift -= 5n) values.push(Number((bits >> shift) & 31n));
  return [...values, check(values)].map((value) => CROCKFORD[value]).join("");
}

/** @param {number[]} values */
function check(values) {
  let sum = 0;
  for (const value of values) sum = doubled(sum ^ value);
  return sum;
}

/** @param {number} value in GF(32) */
const doubled = (value) => (value << 1) ^ (value & 16 ? 0b100101 : 0);

/** What was typed, as the alphabet means it: small letters, O for 0, I and L for 1. @param {string} typed */
export const plainCode = (typed) =>
  typed
    .toUpperCase()
    .replace(/[\s-]/g, "")
    .replaceAll("O", "0")
    .replace(/[IL]/g, "1");

/** Whether eight characters can be a code at all. @param {string} code */
export function codeIsSound(code) {
  const values = [...code].map((char) => CROCKFORD.indexOf(char));
  return values.length === 8 && values.every((value) => value >= 0) && check(values.slice(0, 7)) === values[7];
}

/** The family of a typed code, or of a scanned letter whose seal is the list's. @param {string} payload @returns {Family | undefined} */
export function familyOfLetter(payload) {
  const letter = readLetter(payload);
  if (!letter) return byCode.get(plainCode(payload));
  return letter.one && letter.sealed ? letter.one : undefined;
}

/** Whether a scanned letter names a family of the list but is not the letter that was printed for it: forged, or its amount was changed. @param {string} payload */
export function isFalseLetter(payload) {
  const letter = readLetter(payload);
  return Boolean(letter?.one && !letter.sealed);
}

/** @param {string} payload @returns {{ one: Family | undefined, sealed: boolean } | null} */
function readLetter(payload) {
  const found = /^D1\.([0-9A-F]{32})\.([0-9A-Z]{8})\.([0-9A-Z]{12})$/i.exec(payload.trim());
  if (!found) return null;
  const one = byAsg.get(found[1].toLowerCase().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"));
  return { one, sealed: one?.code === plainCode(found[2]) && one.seal === plainCode(found[3]) };
}

/** How a name sounds: the spellings of one name in Indonesia (Muhammad, Moch.; Soeharto, Suharto; Syarif, Sarip) fall together. @param {string} name */
export function sounds(name) {
  return name
    .normalize("NFD")
    .toLowerCase()
    .replace(/[^a-z ]/g, (char) => (char === "." || char === "-" || char === "," ? " " : ""))
    .split(/\s+/)
    .filter(Boolean)
    .map(sound);
}

/** @param {string} word */
function sound(word) {
  if (/^(m|mo?ch|mo?h|muh|mu?hd|mo?chm?|mu?ha?m+[ae]?[dt]|mo[ckh]+a?m+[ae]?[dt]|muk?h?am+[ae]d)$/.test(word)) return "mhmd";
  if (/^(abd|abdul|abdoel|abd[uo]l)$/.test(word)) return "abdl";
  if (/^(st|siti|sitti|sity)$/.test(word)) return "sti";
  return word
    .replaceAll("oe", "u")
    .replaceAll("dj", "j")
    .replaceAll("tj", "c")
    .replaceAll("sy", "s")
    .replaceAll("sj", "s")
    .replace(/[ck]h/g, "k")
    .replace(/([bdgtp])h/g, "$1")
    .replace(/[vf]/g, "p")
    .replaceAll("z", "s")
    .replaceAll("q", "k")
    .replaceAll("y", "i")
    .replace(/(.)\1+/g, "$1")
    .replace(/h$/, "");
}

/** Whether one letter more, less or other makes the words the same. @param {string} one @param {string} other */
function nearly(one, other) {
  if (Math.abs(one.length - other.length) > 1) return false;
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  const [rest, otherRest] = [one.slice(at), other.slice(at)];
  return rest.slice(1) === otherRest.slice(1) || rest === otherRest.slice(1) || rest.slice(1) === otherRest;
}

/** Families by name (as it sounds), number on the list, number or code of the letter; best first. @param {string} query @returns {Family[]} */
export function search(query) {
  const typed = query.trim();
  if (!typed) return families;
  const letter = familyOfLetter(typed);
  if (letter) return [letter];
  if (/^\d+$/.test(typed)) {
    return families.filter((one) => one.no === Number(typed) || (typed.length > 3 && one.digits.endsWith(typed)));
  }
  const wanted = sounds(typed);
  /** @type {[number, Family][]} */
  const found = [];
  for (const one of families) {
    let score = 0;
    for (const word of wanted) {
      if (one.sounds.some((heard) => heard === word)) score += 3;
      else if (one.sounds.some((heard) => heard.startsWith(word))) score += 2;
      else if (word.length > 3 && one.sounds.some((heard) => nearly(heard, word))) score += 1;
      else {
        score = -1;
        break;
      }
    }
    if (score > 0) found.push([score, one]);
  }
  return found.sort(([one, a], [other, b]) => other - one || a.no - b.no).map(([, one]) => one);
}

/** What this phone did, by family. @returns {Promise<Map<string, Done>>} */
export async function whatWasDone() {
  /** @type {Map<string, Done>} */
  const done = new Map();
  if (!device) return done;
  // Of every device that this browser ever was: who enrols again must still see what was paid before.
  const kept = /** @type {import("./chain.js").Kept[]} */ (await all("outbox"));
  for (const event of kept) {
    if (!event.asg) continue;
    const it = done.get(event.asg) ?? { action: false };
    if (event.typ === "PAY") {
      it.paid = event;
      if (event.sub === "D2D") it.house = event;
    }
    if (event.typ === "UNPAID") it.unpaid = event;
    if (event.typ === "EVID") it.house = event;
    if (event.typ === "VOID") it.paid = undefined;
    if (event.state === "action") it.action = true;
    done.set(event.asg, it);
  }
  return done;
}
