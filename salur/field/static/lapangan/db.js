// @ts-check
/**
 * The phone's database: IndexedDB behind promises.
 *
 * | store   | key        | holds |
 * |---------|------------|-------|
 * | meta    | name       | device, vault, chain, clock, shift, tries … one value each |
 * | keys    | kid        | an outbox key, sealed to the server |
 * | outbox  | [dev, seq] | a signed event, encrypted, with what became of it; never deleted |
 * | photos  | sha        | a photo's facts and whether the server has it |
 * | bytes   | sha        | a photo's bytes, encrypted; deleted when the server lists it as stored |
 * | lists   | id         | a work list's head |
 * | chunks  | [list, n]  | a hundred families, encrypted |
 */

import { alone } from "./platform.js";
import * as second from "./second.js";

const NAME = "salur";
const VERSION = 3; // 2: the queue of one device, without those that it had before; 3: what happened to one family

/** @type {Promise<IDBDatabase> | null} */
let opening = null;

/** The database where the factory keeps it, made or brought to this version. @param {IDBFactory} factory @param {() => void} [gone] told when the connection is over @returns {Promise<IDBDatabase>} */
export const connect = (factory, gone) =>
  new Promise((resolve, reject) => {
    const request = factory.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      const db = request.result;
      if (request.transaction && db.objectStoreNames.contains("outbox")) {
        const outbox = request.transaction.objectStore("outbox");
        if (!outbox.indexNames.contains("queue")) outbox.createIndex("queue", ["dev", "state", "seq"]);
        outbox.createIndex("asg", "asg");
        return;
      }
      db.createObjectStore("meta");
      db.createObjectStore("keys", { keyPath: "kid" });
      const outbox = db.createObjectStore("outbox", { keyPath: ["dev", "seq"] });
      outbox.createIndex("state", "state");
      outbox.createIndex("queue", ["dev", "state", "seq"]);
      outbox.createIndex("asg", "asg");
      const photos = db.createObjectStore("photos", { keyPath: "sha" });
      photos.createIndex("state", "state");
      db.createObjectStore("bytes", { keyPath: "sha" });
      db.createObjectStore("lists", { keyPath: "id" });
      db.createObjectStore("chunks", { keyPath: ["list", "n"] });
    };
    request.onsuccess = () => {
      const db = request.result;
      // Another tab brings a newer version, or the browser closes it: open again at the next use.
      db.onversionchange = () => {
        db.close();
        gone?.();
      };
      db.onclose = () => gone?.();
      resolve(db);
    };
    request.onerror = () => reject(request.error);
  });

/** @returns {Promise<IDBDatabase>} */
function open() {
  const forget = () => (opening = null);
  opening ??= connect(indexedDB, forget)
    .then(async (db) => {
      await second.refill(db);
      return db;
    })
    .catch((error) => {
      forget();
      throw error;
    });
  return opening;
}

/**
 * A transaction; on a new connection when the browser has closed the old one (after a failed write it does, and tells a moment later).
 * @param {string[]} stores @param {IDBTransactionMode} mode
 */
async function begin(stores, mode) {
  const db = await open();
  try {
    return db.transaction(stores, mode, { durability: "strict" });
  } catch (error) {
    if (!(error instanceof DOMException && error.name === "InvalidStateError")) throw error;
    opening = null;
    return (await open()).transaction(stores, mode, { durability: "strict" });
  }
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
export const result = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/**
 * Does the work in a transaction; resolves when that is complete. The work may await database requests only: awaiting anything else ends it early.
 * @template T @param {IDBTransaction} tx @param {(tx: IDBTransaction) => T | Promise<T>} work @returns {Promise<T>}
 */
export async function complete(tx, work) {
  const done = new Promise((resolve, reject) => {
    tx.oncomplete = () => resolve(undefined);
    tx.onabort = () => reject(tx.error ?? new DOMException("aborted", "AbortError"));
  });
  done.catch(() => {}); // awaited below; not unhandled when the work itself throws first
  try {
    const value = await work(tx);
    await done;
    return value;
  } catch (error) {
    try {
      tx.abort();
    } catch {
      // it has ended already
    }
    throw error;
  }
}

/**
 * One transaction that is on the disk (durability strict), and in the second copy, when the promise resolves.
 * @template T @param {string[]} stores @param {(tx: IDBTransaction) => T | Promise<T>} work awaits database requests only @returns {Promise<T>}
 */
async function both(stores, work) {
  const tx = await begin([...new Set([...stores, "meta"])], "readwrite");
  const { value, changes } = await complete(tx, async () => {
    const changes = await second.listen(tx);
    return { value: await work(tx), changes };
  });
  await second.repeat(await open(), changes);
  return value;
}

/**
 * Nobody else writes meanwhile, in no tab: what the work reads is still so when it writes, by what it is given to write with (`write` would wait for itself).
 * So the second copy hears of the changes in the order in which they happened.
 * @template T @param {(write: typeof both) => Promise<T>} work @returns {Promise<T>}
 */
export const alter = (work) => alone("disk", () => work(both));

/** One transaction, in both copies. @template T @param {string[]} stores @param {(tx: IDBTransaction) => T | Promise<T>} work @returns {Promise<T>} */
export const write = (stores, work) => alter((both) => both(stores, work));

/** @template T @param {string[]} stores @param {(tx: IDBTransaction) => T | Promise<T>} work @returns {Promise<T>} */
export async function read(stores, work) {
  return work(await begin(stores, "readonly"));
}

/** @param {string} store @param {IDBValidKey} key @returns {Promise<any>} */
export const get = (store, key) => read([store], (tx) => result(tx.objectStore(store).get(key)));

/** @param {string} store @param {IDBValidKey | IDBKeyRange} [range] @param {number} [count] @returns {Promise<any[]>} */
export const all = (store, range, count) => read([store], (tx) => result(tx.objectStore(store).getAll(range, count)));

/** @param {string} store @param {string} index @param {IDBValidKey | IDBKeyRange} key @param {number} [count] @returns {Promise<any[]>} */
export const having = (store, index, key, count) =>
  read([store], (tx) => result(tx.objectStore(store).index(index).getAll(key, count)));

/** @param {string} store @param {string} index @param {IDBValidKey} key @returns {Promise<number>} */
export const counted = (store, index, key) => read([store], (tx) => result(tx.objectStore(store).index(index).count(key)));

/** @param {string} store @param {any} value @param {IDBValidKey} [key] */
export const put = (store, value, key) => write([store], (tx) => void tx.objectStore(store).put(value, key));

/** @param {string} name @returns {Promise<any>} */
export const meta = (name) => get("meta", name);

/** @param {string} name @param {any} value */
export const setMeta = (name, value) => put("meta", value, name);

export class Full extends Error {}

/** What a browser says when the disk is full. @param {unknown} error */
export const isFull = (error) => error instanceof DOMException && ["QuotaExceededError", "UnknownError"].includes(error.name);

// Room for one family's photos and events, with some to spare.
const CANARY_BYTES = 512 * 1024;

/** Whether the disk still takes what a family needs; the browser's own estimate is wrong when the disk is nearly full. */
export async function hasRoom() {
  try {
    await complete(await begin(["bytes"], "readwrite"), (tx) => {
      tx.objectStore("bytes").put({ sha: "canary", iv: new Uint8Array(0), ct: crypto.getRandomValues(new Uint8Array(65_536)).buffer, pad: new Uint8Array(CANARY_BYTES) });
    });
    await complete(await begin(["bytes"], "readwrite"), (tx) => void tx.objectStore("bytes").delete("canary"));
    return true;
  } catch {
    return false;
  }
}

/**
 * A full disk under the one name that screens know. The browser has several: a write fails as "full" or "unknown", or it
 * closes the database and whatever comes next is an "abort" or an "invalid state"; then the disk itself is asked.
 * @param {unknown} error @returns {Promise<never>}
 */
export async function asFull(error) {
  if (isFull(error) || (error instanceof DOMException && !(await hasRoom()))) throw new Full();
  throw error;
}
