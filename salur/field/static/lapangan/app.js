// @ts-check
/** Starts the app, draws one screen at a time, keeps the three numbers in sight, locks when nobody is there. */
import { device, keys, loadDevice, wiped } from "./device.js";
import { meta } from "./db.js";
import { fill, h, sign } from "./dom.js";
import { FIRST } from "./first.js";
import { loadLanguage, t } from "./i18n.js";
import { ownScript } from "./platform.js";

/** @typedef {{ title: string, body: (Node | null)[], foot?: Node[], back?: boolean, bare?: boolean, leave?: () => void }} Screen */

const IDLE_MS = 180_000;
const HIDDEN_MS = 60_000;

const root = /** @type {HTMLElement} */ (document.getElementById("app"));
/** @type {Screen | null} */
let shown = null;
let turn = 0;
let locked = true;

/** @type {Promise<typeof import("./day.js")> | null} */
let coming = null;
/** The day's work, once it is loaded. @type {typeof import("./day.js") | null} */
let day = null;

/** The day's work. On a slow line it comes while the officer reads the first screen and types the PIN. */
async function theDay() {
  coming ??= import("./day.js");
  try {
    return (day = await coming);
  } catch (error) {
    coming = null;
    throw error;
  }
}

export const isLocked = () => locked || !keys();

/** Shows a screen. `replace`: the way back does not lead to the one before. @param {string} name @param {any} [facts] @param {boolean} [replace] */
export function go(name, facts = {}, replace = false) {
  history[replace ? "replaceState" : "pushState"]({ name, facts }, "");
  void draw(name, facts);
}

/** @param {string} name @param {any} facts */
async function draw(name, facts) {
  const mine = ++turn;
  shown?.leave?.();
  shown = null;
  /** @type {Screen} */
  let screen;
  try {
    const which = await allowed(name, facts);
    screen = await (FIRST[which] ?? (await theDay()).SCREENS[which])(facts);
  } catch (error) {
    screen = await FIRST.broken({ error, again: () => void draw(name, facts) }); // a full disk cannot even be read: say so
  }
  if (mine !== turn) {
    screen.leave?.();
    return;
  }
  shown = screen;
  const title = h("h1", { tabindex: "-1" }, screen.title);
  fill(
    root,
    screen.bare
      ? null
      : h(
          "header",
          { class: "top" },
          screen.back ? h("button", { class: "icon", "aria-label": t("back"), onclick: () => history.back() }, sign("back")) : h("img", { src: "icon.svg", alt: "", class: "mark" }),
          title,
          h("button", { class: "icon", "aria-label": t("more"), onclick: () => go("more") }, sign("more")),
        ),
    screen.bare ? null : h("div", { id: "strip", role: "status" }),
    h("main", null, screen.bare ? h("h1", { class: "unseen" }, screen.title) : null, ...screen.body),
    screen.foot ? h("footer", null, ...screen.foot) : null,
  );
  await strip();
  scrollTo(0, 0);
  title.focus({ preventScroll: true });
  performance.mark(`drawn ${name}`);
  if (registration) void renew(registration);
}

/** Which screen may be seen now. @param {string} name @param {any} facts */
async function allowed(name, facts) {
  const enrolling = ["enrol", "newPin", "scan", "trial"].includes(name) ? name : null;
  if (name === "trial") return name;
  if (!device) return enrolling ?? "enrol";
  if (await wiped()) return enrolling ?? "wiped";
  if (isLocked()) return "lock";
  return !facts.asg || name === "receipt" || day?.worklist.family(facts.asg) ? name : "home"; // a way back to a family that has left the list
}

/** The three numbers. */
async function strip() {
  const place = document.getElementById("strip");
  if (!place || !day) return;
  const { sync } = day;
  const { unsent, photos, action } = await sync.numbers();
  /** @param {string} label @param {number} count @param {string} kind */
  const one = (label, count, kind) => h("span", { class: `n ${count ? kind : "zero"}` }, h("b", { "data-n": kind }, count), " ", label);
  fill(
    place,
    h(
      "button",
      { class: "strip", onclick: () => go("outbox") },
      one(t("unsent_short"), unsent, "wait"),
      one(t("photos_short"), photos, "photo"),
      one(t("action_short"), action, "bad"),
      h("span", { class: "line" }, sync.line(unsent + photos)),
    ),
  );
}

export async function enter() {
  const { sync, worklist } = await theDay();
  locked = false;
  await worklist.load();
  go("home", {}, true);
  void sync.run();
}

export function lock() {
  locked = true;
  day?.worklist.forget();
  go("lock", {}, true);
}

function leaveWiped() {
  locked = true;
  day?.worklist.forget();
  go("wiped", {}, true);
}

let seen = performance.now();
for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => (seen = performance.now()), { passive: true });
setInterval(async () => {
  if (isLocked()) return;
  if (performance.now() - seen > IDLE_MS) return lock();
  if (await day?.worklist.expire()) go("home", {}, true); // the list has ended: what was on it is no longer on this phone
}, 5_000);
let hiddenAt = 0;
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") hiddenAt = performance.now();
  else if (!isLocked() && hiddenAt && performance.now() - hiddenAt > HIDDEN_MS) lock();
});
addEventListener("popstate", ({ state }) => void draw(state?.name ?? "home", state?.facts ?? {}));

/** @type {Event | null} the browser's offer to install the app */
export let offer = null;
addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  offer = event;
});

/** @type {ServiceWorkerRegistration | null} */
let registration = null;

/** A new version takes over only when nothing is open: no shift, no unsent event, the home screen. @param {ServiceWorkerRegistration} registration */
async function renew(registration) {
  const { sync } = await theDay();
  const { unsent } = await sync.numbers();
  if (unsent === 0 && !(await meta("shift")) && [undefined, "home"].includes(history.state?.name)) {
    // A worker that the browser let in while nobody was here still serves the version before it; told so again, it does nothing.
    (registration.waiting ?? registration.active)?.postMessage("activate");
  }
}

async function begin() {
  await Promise.all([loadLanguage(), loadDevice()]);
  await first();
  const work = await theDay().catch(() => null);
  if (!work) return void dispatchEvent(new Event("incomplete"));
  const { scan, sync } = work;
  sync.onChange(() => {
    if (!locked && !keys()) leaveWiped(); // the branch revoked this phone
    else void strip();
  });
  void strip();
  // After the first screen: on a slow line the worker's files must not come before it.
  if ("serviceWorker" in navigator) {
    const had = navigator.serviceWorker.controller;
    registration = await navigator.serviceWorker.register(ownScript("sw.js"), { scope: "./", updateViaCache: "none" }).catch(() => null);
    if (had) {
      navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
      navigator.serviceWorker.addEventListener("message", ({ data }) => data === "renewed" && location.reload());
      void scan.prepare();
    } else navigator.serviceWorker.addEventListener("controllerchange", () => void scan.prepare(), { once: true });
    sync.onChange(() => registration && void renew(registration));
  }
}

/** The screen that the address asks for: the trial, an enrolment, or the day's work. */
async function first() {
  if (location.hash === "#uji") {
    history.replaceState({ name: "trial" }, "", location.pathname);
    return draw("trial", {});
  }
  if (location.hash.startsWith("#daftar=") && !(device && keys())) {
    const code = location.hash.slice(8);
    history.replaceState({ name: "enrol", facts: { code } }, "", location.pathname);
    return draw("enrol", { code });
  }
  history.replaceState({ name: "home", facts: {} }, "", location.pathname);
  return draw("home", {});
}
// The branch's code, read by the phone's own camera while the app is open here.
addEventListener("hashchange", () => location.hash && void first());

void begin();
