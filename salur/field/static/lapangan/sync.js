// @ts-check
/**
 * The outbox goes to the server: in order, in batches, one tab at a time, until every event has its answer written down here.
 * An event leaves the queue by the server's own word only; an answer without `X-Danom-Proto` is a hotel's sign-in page, not the server.
 */
import { measure, skew } from "./clock.js";
import { envelopeOf, photoBytes } from "./chain.js";
import { counted, get, having, meta, result, setMeta, write } from "./db.js";
import { APP, device, formerDevices, keys, sealedEvents, sealedPhoto, wipe } from "./device.js";
import { say, t } from "./i18n.js";
import { aloneOrNot, elapsed } from "./platform.js";
import * as worklist from "./worklist.js";

/** @typedef {import("./chain.js").Kept} Kept */
/** @typedef {"idle" | "busy" | "offline" | "portal" | "server" | "update" | "refused"} State */

export const BATCH = 100;
const QUIET_MS = 30_000;
const CHANGES_MS = 120_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 300_000;
const TIMEOUT_MS = 30_000;

/** `photo` is which of how many photos is on its way. @type {{ state: State, at: number | null, rate: number | null, photo: { n: number, of: number } | null }} */
export const status = { state: "idle", at: null, rate: null, photo: null };

/** @type {Set<() => void>} */
const listeners = new Set();

/** @param {() => void} listener */
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const tell = () => listeners.forEach((listener) => listener());

/** The three numbers that are always in sight. */
export async function numbers() {
  const [queued, held, action, photos] = await Promise.all([
    counted("outbox", "state", "queued"),
    counted("outbox", "state", "held"),
    counted("outbox", "state", "action"),
    counted("photos", "state", "queued"),
  ]);
  return { unsent: queued + held, photos, action };
}

class Transport extends Error {
  /** @param {State} state @param {number} [waitMs] */
  constructor(state, waitMs) {
    super(state);
    this.state = state;
    this.waitMs = waitMs;
  }
}

class TooLarge extends Error {}

/** @param {BodyInit} body */
const packed = (body) =>
  new Response(/** @type {ReadableStream} */ (new Response(body).body).pipeThrough(new CompressionStream("gzip"))).blob();

/**
 * Asks the server; only what bears its mark is an answer.
 * @param {string} path @param {RequestInit} [init] @returns {Promise<any>}
 */
export async function ask(path, init = {}) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), TIMEOUT_MS);
  const sent = elapsed();
  try {
    let response;
    try {
      response = await fetch(`/api/v1/${path}`, { ...init, signal: stop.signal, redirect: "manual", cache: "no-store" });
    } catch (error) {
      if (stop.signal.aborted) throw new TooLarge(); // too slow for this much at once
      throw new Transport("offline");
    }
    if (!response.headers.get("X-Danom-Proto")) throw new Transport("portal");
    if (response.status === 413) throw new TooLarge();
    if (response.status === 429 || response.status === 503) {
      throw new Transport("server", 1000 * Number(response.headers.get("Retry-After") ?? 30));
    }
    if (response.status === 401 || response.status === 403) {
      const said = await response.json().catch(() => ({}));
      if (said.code === "revoked") await setMeta("revoked", true);
      throw new Transport("refused");
    }
    if (response.status >= 400) throw new Transport("server");
    let answer;
    try {
      answer = await response.json();
    } catch {
      if (stop.signal.aborted) throw new TooLarge();
      throw new Transport("offline"); // the line broke while the answer came
    }
    if (answer && typeof answer.server_time === "number") await measure(answer.server_time, sent);
    return answer;
  } finally {
    clearTimeout(timer);
  }
}

const bearer = () => ({ Authorization: `Bearer ${keys()?.vault.bearer ?? ""}` });

/** Fetches the work lists of the day. @returns {Promise<number>} how many families */
export async function fetchLists() {
  const { lists, server_time } = await ask("lease", { headers: bearer() });
  // A list whose rows do not add up to its head must not be shown as the day's work.
  for (const list of lists) {
    const sum = list.rows.reduce((/** @type {number} */ sum, /** @type {any[]} */ row) => sum + row[list.columns.indexOf("amount_rp")], 0);
    if (list.rows.length !== list.count || sum !== list.sum_rp) throw new Transport("server");
  }
  await worklist.keep(lists);
  asked = { at: elapsed(), since: server_time };
  return worklist.families.length;
}

// The server's clocks may differ a little, and what is being written while we ask is told the next time.
const OVERLAP_MS = 60_000;
/** When the changes of the list were asked for last, by the app's and by the server's time. @type {{ at: number, since: number } | null} */
let asked = null;

/** What became known about the families of the list; also how a phone with nothing to send learns that it was revoked. */
async function fetchChanges() {
  if (asked && elapsed() - asked.at < CHANGES_MS) return;
  const since = asked?.since ?? (await meta("changes"))?.since ?? 0;
  const told = await ask(`lease/delta?since=${Math.max(0, since - OVERLAP_MS)}`, { headers: bearer() });
  asked = { at: elapsed(), since: told.server_time };
  if (!(await worklist.change(told, told.server_time))) await fetchLists();
}

let batch = BATCH;

/**
 * Sends everything that waits. While the answers of a batch are written here the next one is on its way: killed in between, the phone sends both again and
 * hears the same answers. Nothing is sent ahead of a gap. @returns {Promise<void>}
 */
async function sendEvents() {
  const owner = device;
  if (!owner || !keys()) return;
  const began = elapsed();
  let sent = 0;
  /** The last number that was answered in this round, and the writing of its batch. */
  let answered = 0;
  let writing = Promise.resolve();
  // Counted once: a question to the disk would wait for the writing.
  let { unsent } = await numbers();
  let ack = (await meta("ack")) ?? 0;
  for (;;) {
    const queue = /** @type {Kept[]} */ (await having("outbox", "queue", ofState(owner.id, "queued", answered), batch));
    if (!queue.length) {
      await writing;
      if (!answered) return;
      answered = 0; // what the answers have put back into the queue
      continue;
    }
    const body = JSON.stringify({
      dev: owner.id,
      ev: await Promise.all(queue.map(envelopeOf)),
      last_ack_seq: ack,
      unsent: Math.max(0, unsent - queue.length),
      app: APP,
    });
    let answer;
    try {
      answer = await ask("sync/events", {
        method: "POST",
        headers: { "Content-Type": "application/json", "Content-Encoding": "gzip" },
        body: await packed(body),
      });
    } catch (error) {
      if (error instanceof TooLarge && batch > 1) {
        batch = Math.max(1, batch >> 1);
        continue;
      }
      await writing;
      throw error instanceof TooLarge ? new Transport("server") : error;
    }
    await writing;
    if (answer.next === "update_required") throw new Transport("update");
    if (answer.revoke) await setMeta("revoked", true);
    writing = writeAnswers(owner.id, queue, answer).then((settled) => {
      // Answers that belong to other events settle nothing: asking again at once would never end, so the pause of a failure is kept.
      if (!settled) throw new Transport("server");
      ack = answer.last_seq;
      sent += queue.length;
      status.rate = Math.round((sent * 1000) / Math.max(1, elapsed() - began));
      tell();
    });
    writing.catch(() => {}); // awaited before the next batch's answers are written
    unsent -= queue.length;
    if (answer.out.some((/** @type {{ r: string }} */ out) => out.r === "HELD_GAP")) {
      await writing;
      answered = 0;
    } else answered = queue[queue.length - 1].seq;
    batch = Math.min(BATCH, batch * 2);
  }
}

/**
 * Writes what became of a batch, strictly, before the next one is sent; resolves with how many events got their answer.
 * @param {string} dev @param {Kept[]} queue
 * @param {{ out: { id: string | null, r: string, seq: number | null, receipt_no: string | null, flags: string[] }[], last_seq: number }} answer
 */
async function writeAnswers(dev, queue, answer) {
  if (answer.out.length !== queue.length) throw new Transport("server");
  return write(["outbox", "meta"], async (tx) => {
    const store = tx.objectStore("outbox");
    let resend = false;
    let settled = 0;
    queue.forEach((kept, at) => {
      const out = answer.out[at];
      // An answer to something else is no answer: the event stays in the queue. Only bytes that the server could not read have no id.
      if (out.id !== kept.id && !(out.id === null && out.r.startsWith("REJECT"))) return;
      settled += 1;
      if (out.r.startsWith("REJECT") || out.r.startsWith("SUSPENSE")) kept.state = "action";
      else if (out.r === "HELD_GAP") {
        kept.state = "held";
        resend = true;
      } else kept.state = "done";
      kept.answer = out.r;
      kept.flags = out.flags ?? [];
      if (out.receipt_no && out.receipt_no !== kept.receipt) kept.flags = [...kept.flags, "receipt_differs"];
      store.put(kept);
    });
    tx.objectStore("meta").put(answer.last_seq, "ack");
    if (resend) {
      // The server says how far its chain goes; what follows is sent again, oldest first.
      const first = queue[0].seq;
      if (answer.last_seq + 1 < first) {
        const gap = await result(store.getAll(IDBKeyRange.bound([dev, answer.last_seq + 1], [dev, first - 1])));
        for (const kept of gap) store.put({ ...kept, state: "queued" });
      }
    } else {
      const held = await result(store.index("state").getAll("held"));
      for (const kept of held) {
        if (kept.dev === dev && kept.seq <= answer.last_seq) {
          kept.state = "queued"; // its turn has come: ask for its answer
          store.put(kept);
        }
      }
    }
    return settled;
  });
}

/** @param {string} dev @param {Kept["state"]} state @param {number} [after] only what comes after this number */
const ofState = (dev, state, after = 0) => IDBKeyRange.bound([dev, state, after], [dev, state, []], true);

/** What waited at the server for earlier events is asked for once in each round: what it waited for may have come another way. */
async function askAgainForHeld() {
  const owner = device;
  if (!owner) return;
  const held = /** @type {Kept[]} */ (await having("outbox", "queue", ofState(owner.id, "held")));
  if (held.length) await write(["outbox"], (tx) => held.forEach((kept) => tx.objectStore("outbox").put({ ...kept, state: "queued" })));
}

/**
 * What this browser recorded as another device, before its PIN was lost and it was enrolled again: nobody here can open it, the server can.
 * It goes as it lies, sealed, with the events before their photos.
 */
async function sendFormer() {
  for (const dev of await formerDevices()) {
    for (;;) {
      const queue = /** @type {Kept[]} */ (await having("outbox", "queue", ofState(dev, "queued"), batch));
      if (!queue.length) break;
      const answer = await ask("sync/sealed", {
        method: "POST",
        headers: { ...bearer(), "Content-Type": "application/json", "Content-Encoding": "gzip" },
        body: await packed(JSON.stringify(await sealedEvents(dev, queue))),
      });
      const told = new Map(answer.out.map((/** @type {{ seq: number, r: string }} */ out) => [out.seq, out.r]));
      let settled = 0;
      await write(["outbox"], (tx) => {
        for (const kept of queue) {
          const r = told.get(kept.seq);
          if (!r) continue;
          settled += 1;
          tx.objectStore("outbox").put({ ...kept, answer: r, state: /^(REJECT|SUSPENSE|HELD|UNREADABLE)/.test(r) ? "action" : "done" });
        }
      });
      tell();
      if (!settled) throw new Transport("server");
    }
  }
  for (const photo of await having("photos", "state", "queued")) {
    const kept = photo.dev === device?.id ? undefined : await get("bytes", photo.sha);
    if (!kept) continue;
    const answer = await ask("sync/sealed", { method: "POST", headers: { ...bearer(), "Content-Type": "application/json" }, body: JSON.stringify(await sealedPhoto(photo, kept)) });
    if (!answer.stored.includes(photo.sha)) continue;
    await write(["photos", "bytes"], (tx) => {
      tx.objectStore("photos").put({ ...photo, state: "stored" });
      tx.objectStore("bytes").delete(photo.sha);
    });
    tell();
  }
}

/** Sends photos the server does not have; a photo's bytes are deleted here when the server lists it as stored, not before. */
async function sendPhotos() {
  if (!keys()) return;
  /** @type {Set<string>} those that could not be sent in this round: the others do not wait for them */
  const left = new Set();
  for (;;) {
    const waiting = (await having("photos", "state", "queued")).filter((photo) => photo.dev === device?.id && !left.has(photo.sha)).slice(0, 50);
    status.photo = null;
    if (!waiting.length) return;
    // People and papers first, houses last: a house can be photographed again.
    waiting.sort((one, other) => Number(one.k === "RUMAH") - Number(other.k === "RUMAH") || one.seq - other.seq);
    const missing = new Set(await missingOf(waiting));
    let moved = 0;
    let n = 0;
    for (const photo of waiting) {
      if (missing.has(photo.sha)) {
        const kept = await get("bytes", photo.sha);
        if (!kept) continue;
        status.photo = { n: ++n, of: missing.size };
        tell();
        const bytes = await photoBytes(photo, kept);
        if (!bytes) continue;
        await ask(`blobs/${photo.sha}`, { method: "PUT", headers: { ...bearer(), "Content-Type": photo.mime }, body: bytes });
        if (wanted) break; // a payment was recorded meanwhile: it goes before the other photos
      }
    }
    const still = new Set(await missingOf(waiting));
    await write(["photos", "bytes"], (tx) => {
      for (const photo of waiting) {
        if (still.has(photo.sha)) {
          left.add(photo.sha);
          continue;
        }
        tx.objectStore("photos").put({ ...photo, state: "stored" });
        tx.objectStore("bytes").delete(photo.sha);
        moved += 1;
      }
    });
    tell();
    if (wanted || (!moved && left.size > 100)) return;
  }
}

/** @param {{ sha: string, dev: string }[]} photos @returns {Promise<string[]>} */
async function missingOf(photos) {
  const { missing } = await ask("blobs/missing", {
    method: "POST",
    headers: { ...bearer(), "Content-Type": "application/json" },
    body: JSON.stringify(photos.map((photo) => photo.sha)),
  });
  if (!Array.isArray(missing)) throw new Transport("server");
  return missing;
}

/** What is going on, in a sentence. @param {number} waiting */
export function line(waiting) {
  if (status.state === "busy" && status.photo) return t("sync_photo", { n: status.photo.n, of: status.photo.of });
  return status.state === "idle" && waiting ? t("sync_wait") : say(`sync_${status.state}`);
}

let failures = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @param {number} ms */
function again(ms) {
  clearTimeout(timer);
  timer = setTimeout(run, ms);
}

/** Somebody asked for a round since the last one began: what was recorded while it ran does not wait for the next one's time. */
let wanted = false;

/** Sends what waits, one tab at a time; what is asked for while a round runs follows it at once. Safe to call at any time. */
export async function run() {
  clearTimeout(timer);
  if (!device || !keys()) return;
  wanted = true;
  const was = await aloneOrNot("sync", async () => {
    for (let good = true; good && wanted; ) {
      wanted = false;
      good = await round();
    }
  });
  if (!was) again(2_000);
}

/** Events, photos, and the list when there is none; sets the next round's time. @returns {Promise<boolean>} whether the server answered throughout */
async function round() {
  status.state = "busy";
  tell();
  try {
    await askAgainForHeld();
    await sendEvents();
    await sendFormer();
    status.at = Date.now();
    if (await meta("revoked")) {
      await sendPhotos().catch(() => {});
      if ((await numbers()).unsent === 0) await wipe();
      status.state = "refused";
      return false;
    }
    await sendPhotos();
    if (worklist.lists.length) await fetchChanges();
    else await fetchLists();
    status.state = "idle";
    status.photo = null;
    failures = 0;
    again(QUIET_MS);
    return true;
  } catch (error) {
    if (!(error instanceof Transport)) {
      if (!(error instanceof TooLarge)) throw error;
    }
    status.state = error instanceof Transport ? error.state : "offline";
    if (status.state === "refused" && (await meta("revoked")) && (await numbers()).unsent === 0) await wipe();
    if (status.state === "refused" || status.state === "update") {
      again(LONGEST_WAIT_MS);
    } else {
      // Full jitter: a thousand phones that lost one server do not come back in one second.
      const ceiling = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
      failures += 1;
      again(Math.max(250, (error instanceof Transport && error.waitMs) || Math.random() * ceiling));
    }
    return false;
  } finally {
    tell();
  }
}

/** A question asked by hand that found no answer shows in the strip as the others do. @param {unknown} error */
function noted(error) {
  if (!(error instanceof Transport)) throw error;
  status.state = error.state;
}

/** The list again, by hand; also tells whether the server still knows this phone. */
export async function refresh() {
  await run();
  if (status.state === "idle") await fetchLists().catch(noted);
  tell();
}

export const drifted = () => Math.abs(skew().skew_ms) > 120_000;

addEventListener("online", () => {
  failures = 0;
  void run();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") void run();
});
