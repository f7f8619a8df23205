// @ts-check
/// <reference lib="webworker" />
/**
 * The app without signal. A version is installed as one piece, every file checked against its hash, or not at all; it takes over only when
 * the page says that nothing is open (`activate`), so that no payment ever runs half on one version and half on the next.
 */
const types = /** @type {any} */ (self).trustedTypes;
const policy = types?.createPolicy("salur", { createScriptURL: (/** @type {string} */ url) => (url === "version.js" ? url : "") });
importScripts(policy ? policy.createScriptURL("version.js") : "version.js");

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
/** @type {{ version: string, files: Record<string, string>, lazy: Record<string, string> }} */
const shell = /** @type {any} */ (self).SHELL;
const CACHE = `lapangan-${shell.version}`;
const base = new URL("./", worker.location.href);

worker.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      const wanted = Object.entries(shell.files).map(
        ([name, integrity]) => new Request(new URL(name, base), { integrity, cache: "no-cache" }),
      );
      // No catch: one file missing or other than it should be, and this version is not installed.
      await cache.addAll(wanted);
      // A phone that reads codes with the vendored decoder must still do so after the update, wherever it is then.
      const needed = [];
      for (const name of Object.keys(shell.lazy)) if (await caches.match(new URL(name, base))) needed.push(name);
      await cache.addAll(needed.map((name) => new Request(new URL(name, base), { integrity: shell.lazy[name] })));
    })(),
  );
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
      await worker.clients.claim();
    })(),
  );
});

worker.addEventListener("message", (event) => {
  if (event.data === "activate") void worker.skipWaiting();
  if (event.data === "version") event.ports[0].postMessage(shell.version);
});

worker.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== base.origin || !url.pathname.startsWith(base.pathname)) return;
  const name = url.pathname.slice(base.pathname.length) || "index.html";
  if (!(name in shell.files) && !(name in shell.lazy)) return;
  event.respondWith(
    (async () => {
      const cache = await caches.open(CACHE);
      const kept = await cache.match(new URL(name, base));
      if (kept || !(name in shell.lazy)) return kept ?? fetch(event.request);
      const fetched = await fetch(new Request(new URL(name, base), { integrity: shell.lazy[name] }));
      if (fetched.ok) await cache.put(new URL(name, base), fetched.clone());
      return fetched;
    })(),
  );
});
