// @ts-check
/// <reference lib="webworker" />
/**
 * The app without signal. A version is installed as one piece, every file checked against its hash, or not at all; it is served only when
 * the page says that nothing is open (`activate`), so that no payment ever runs half on one version and half on the next.
 *
 * The browser itself lets a new worker take over as soon as no page is open, and a phone whose battery was taken out has none. So the worker that
 * rules and the version that it serves are two things: a note in the cache says which version is served, and only the page's word changes it.
 */
const types = /** @type {any} */ (self).trustedTypes;
const policy = types?.createPolicy("salur", { createScriptURL: (/** @type {string} */ url) => (url === "version.js" ? url : "") });
importScripts(policy ? policy.createScriptURL("version.js") : "version.js");

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
/** @type {{ version: string, files: Record<string, string>, lazy: Record<string, string> }} */
const shell = /** @type {any} */ (self).SHELL;
const CACHE = `lapangan-${shell.version}`;
const base = new URL("./", worker.location.href);
const NOTES = "lapangan-notes";
const NOTE = new URL("served", base);

/** The cache that is served, by its name. @type {string | null} */
let known = null;

async function served() {
  if (known) return known;
  const note = await (await caches.open(NOTES)).match(NOTE);
  const name = note ? await note.text() : CACHE;
  known = (await caches.has(name)) ? name : CACHE;
  return known;
}

/** From now on this worker's own version. */
async function serveOwn() {
  await (await caches.open(NOTES)).put(NOTE, new Response(CACHE));
  known = CACHE;
  for (const name of await caches.keys()) if (name !== CACHE && name !== NOTES) await caches.delete(name);
}

/**
 * A file of this version from the server, checked against its hash. Asked for again a few times: a line that fails now works in a second, and one file of
 * thirty that does not come leaves the officer without the app. @param {string} name @param {number} tries @returns {Promise<Response>}
 */
async function fromServer(name, tries) {
  const integrity = shell.files[name] ?? shell.lazy[name];
  for (let wait = 200; ; wait *= 2) {
    const answer = await fetch(new Request(new URL(name, base), { integrity, cache: "no-cache" })).catch(() => null);
    if (answer?.ok) return answer;
    if (--tries === 0) throw new TypeError(`${name} did not come as this version wants it`);
    await new Promise((go) => setTimeout(go, wait));
  }
}

/** @param {Cache} cache @param {string} name @param {number} [tries] @returns {Promise<Response>} */
async function keep(cache, name, tries = 3) {
  const answer = await fromServer(name, tries);
  await cache.put(new URL(name, base), answer.clone());
  return answer;
}

/** Whether this worker has looked, since it was started, that nothing it keeps was lost. */
let looked = false;

/** What was lost is missed only when there is no line; so it is looked for while there may be one, after the app has started. */
async function restore() {
  await new Promise((go) => setTimeout(go, 2_000));
  const cache = await caches.open(CACHE);
  const here = new Set((await cache.keys()).map((request) => request.url));
  for (const name of Object.keys(shell.files)) if (!here.has(new URL(name, base).href)) await keep(cache, name).catch(() => (looked = false));
}

worker.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      // A phone that reads codes with the vendored decoder must still do so after the update, wherever it is then.
      const needed = [];
      for (const name of Object.keys(shell.lazy)) if (await caches.match(new URL(name, base))) needed.push(name);
      // No catch: one file missing or other than it should be, and this version is not installed.
      await Promise.all([...Object.keys(shell.files), ...needed].map((name) => keep(cache, name)));
    })(),
  );
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      if ((await served()) === CACHE) await serveOwn();
      await worker.clients.claim();
    })(),
  );
});

worker.addEventListener("message", (event) => {
  if (event.data === "activate") {
    event.waitUntil(
      (async () => {
        const before = await served();
        await serveOwn();
        await worker.skipWaiting(); // does nothing when this worker rules already: then the page hears it from us
        if (before !== CACHE) for (const client of await worker.clients.matchAll()) client.postMessage("renewed");
      })(),
    );
  }
  if (event.data === "version") event.waitUntil(served().then((name) => event.ports[0].postMessage(name.slice("lapangan-".length))));
});

worker.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== base.origin || !url.pathname.startsWith(base.pathname)) return;
  const name = url.pathname.slice(base.pathname.length) || "index.html";
  if (!looked && known === CACHE) {
    looked = true;
    event.waitUntil(restore());
  }
  event.respondWith(
    (async () => {
      let cache;
      try {
        cache = await caches.open(await served());
        const kept = await cache.match(new URL(name, base));
        if (kept) return kept;
      } catch {
        // A disk that is full or was cut off in the middle of a write: the server has the same bytes.
      }
      const ours = known === CACHE && (name in shell.files || name in shell.lazy);
      if (!cache || !ours) return fetch(event.request);
      // Not used before, or lost when the battery was taken out: from the server, and kept again for the next start without a line.
      return keep(cache, name, 6).catch(() => fetch(event.request));
    })(),
  );
});
