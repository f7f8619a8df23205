// @ts-check
/**
 * The second copy of the phone's database.
 *
 * Chrome keeps all databases of an origin in one LevelDB, and throws that away whole when its log is damaged. It damages the log itself: killed in the
 * middle of a write, it leaves half a record at the end; at the next start it writes on behind that half, and at the start after it finds the checksum
 * wrong (google/leveldb#1287). Measured: once in some hundred kills of a phone that writes without a pause. So whatever is written here is written again
 * into a database of another storage bucket, which has a LevelDB of its own; one after the other, so that no kill finds both in the middle of a write.
 *
 * Both bear the stamp of the last change (``meta``: ``stamp``). Where the first has none it was lost, or never was, and is filled from the second; where
 * the second's stamp is another than the first's was, it missed a change and is copied anew. Browsers without buckets keep their databases otherwise, and
 * go on with one.
 */
import { complete, connect, result } from "./db.js";
import { alone, elapsed, now } from "./platform.js";

const STORES = ["meta", "keys", "outbox", "photos", "bytes", "lists", "chunks"];
const STAMP = "stamp";
const AT_ONCE = 50; // records; with photos some 8 MB
const REST_MS = 60_000;

/** @typedef {(store: IDBObjectStore) => IDBRequest} Change */
/** @typedef {{ before: string | undefined, stamp: string, list: [string, Change][] }} Changes what one transaction did, to be done again */

/** @type {Promise<IDBDatabase | null> | null} */
let opening = null;
/** A copy that failed (no room for two) is tried again after a while; the first goes on without. */
let restsUntil = 0;

/** @returns {Promise<IDBDatabase | null>} */
function open() {
  const forget = () => (opening = null);
  opening ??= (async () => {
    const buckets = /** @type {any} */ (navigator).storageBuckets;
    const bucket = await buckets?.open("second").catch(() => null);
    return bucket ? connect(bucket.indexedDB, forget) : null;
  })().catch((error) => {
    forget();
    throw error;
  });
  return opening;
}

/** @param {IDBDatabase} db @returns {Promise<string | undefined>} */
const stampOf = (db) => result(db.transaction("meta").objectStore("meta").get(STAMP));

/**
 * Makes ``to`` what ``from`` is. The stamp goes first and comes back last: a copy that was broken off is none.
 * @param {IDBDatabase} from @param {IDBDatabase} to @param {string} stamp @param {[string, number][]} notes for ``meta``, beside it
 */
async function copy(from, to, stamp, ...notes) {
  await complete(to.transaction(STORES, "readwrite"), (tx) => STORES.forEach((name) => void tx.objectStore(name).clear()));
  for (const name of STORES) {
    const keys = await result(from.transaction(name).objectStore(name).getAllKeys());
    for (let at = 0; at < keys.length; at += AT_ONCE) {
      const some = IDBKeyRange.bound(keys[at], keys[Math.min(keys.length, at + AT_ONCE) - 1]);
      const store = from.transaction(name).objectStore(name);
      const [values, ids] = await Promise.all([result(store.getAll(some)), result(store.getAllKeys(some))]);
      await complete(to.transaction(name, "readwrite"), (tx) => {
        const into = tx.objectStore(name);
        values.forEach((value, n) => {
          if (into.keyPath) into.put(value);
          else if (ids[n] !== STAMP) into.put(value, ids[n]);
        });
      });
    }
  }
  await complete(to.transaction("meta", "readwrite", { durability: "strict" }), (tx) => {
    const meta = tx.objectStore("meta");
    for (const [name, value] of notes) meta.put(value, name);
    meta.put(stamp, STAMP);
  });
}

/** Fills the first database from the second when the browser has thrown it away; fails rather than to begin anew beside a second that cannot be read. @param {IDBDatabase} first */
export async function refill(first) {
  if (await stampOf(first)) return;
  await alone("refill", async () => {
    const second = await open();
    const stamp = second && (await stampOf(second));
    if (!second || !stamp || (await stampOf(first))) return;
    await copy(second, first, stamp, ["refilled", now()]);
  });
}

/** Stamps a transaction and hears what is changed in it from now on. @param {IDBTransaction} tx with ``meta`` among its stores @returns {Promise<Changes>} */
export async function listen(tx) {
  const meta = tx.objectStore("meta");
  const stamp = crypto.randomUUID();
  const before = await result(meta.get(STAMP));
  /** @type {Changes} */
  const changes = { before, stamp, list: [] };
  for (const name of tx.objectStoreNames) {
    const store = tx.objectStore(name);
    for (const verb of /** @type {const} */ (["put", "add", "delete", "clear"])) {
      const plain = store[verb].bind(store);
      /** @param {any[]} what */
      const heard = (...what) => {
        // "add" has found its place free in the first; in the second, what a broken-off change left there gives way.
        changes.list.push([name, (other) => /** @type {any} */ (other)[verb === "add" ? "put" : verb](...what)]);
        return /** @type {any} */ (plain)(...what);
      };
      Object.defineProperty(store, verb, { value: heard });
    }
  }
  meta.put(stamp, STAMP);
  return changes;
}

/** Does in the second what was done in the first; where it missed something before, it is copied whole. @param {IDBDatabase} first @param {Changes} changes */
export async function repeat(first, { before, stamp, list }) {
  if (elapsed() < restsUntil) return;
  try {
    const second = await open();
    if (!second) return;
    const inStep = await complete(second.transaction(STORES, "readwrite", { durability: "relaxed" }), async (tx) => {
      if (before === undefined || (await result(tx.objectStore("meta").get(STAMP))) !== before) return false;
      for (const [name, change] of list) change(tx.objectStore(name));
      return true;
    });
    if (!inStep) await copy(first, second, stamp);
  } catch {
    restsUntil = elapsed() + REST_MS;
  }
}
