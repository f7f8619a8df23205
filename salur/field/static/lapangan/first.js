// @ts-check
/** The screens before the day's work: enrolment, trial, PIN. All that a phone needs for its first screen; on a slow line the others come after it (day.js). */
import { enter, go } from "./app.js";
import { Full, hasRoom, isFull, meta } from "./db.js";
import { Overtaken, WrongPin, device, enrol, exportFile, readInvitation, unlock } from "./device.js";
import { fill, h } from "./dom.js";
import { language, say, speak, t } from "./i18n.js";
import { notice, pinPad, plain, primary } from "./parts.js";
import { camera, download, mayLocate, pause, persist, vibrate } from "./platform.js";

/** @typedef {import("./app.js").Screen} Screen */

/** What the phone's trial found in this start of the app; told at enrolment. @type {Record<string, string | number | boolean> | null} */
let tried = null;
// Above these a phone keeps a queue waiting (trial.js).
const SLOW_PAYMENT_MS = 300;
const SLOW_CODE_MS = 150;

/** What went wrong, as a sentence. @param {unknown} error */
export function sentence(error) {
  if (error instanceof Full || isFull(error)) return t("full");
  if (error instanceof Overtaken) return say(error.message);
  const what = error instanceof TypeError ? "no_network" : error instanceof Error ? error.message : String(error);
  const said = say(what);
  return said === what ? t("failed", { what }) : said;
}

/** What a phone must be able to do before it is enrolled, and how often each is tried. @type {readonly (readonly [string, () => Promise<boolean>, number])[]} */
const SELF_TESTS = [
  ["storage", hasRoom, 3],
  ["decoder", async () => (await import("./scan.js")).works(), 3],
  ["camera", async () => ((await camera(true)).getTracks().forEach((track) => track.stop()), true), 3],
  ["position", mayLocate, 1],
  ["persist", persist, 1],
];
const TEST_PAUSE_MS = 1_000;
const TEST_LIMIT_MS = 45_000; // the decoder is 400 KB: on a slow line it takes a while to come

/** Passed at the third time is passed: a slow phone does all this at once, while it still unpacks the app. @param {() => Promise<boolean>} test @param {number} tries */
async function passes(test, tries) {
  for (let left = tries; left > 0; left--) {
    const limit = pause(TEST_LIMIT_MS).then(() => false);
    try {
      if (await Promise.race([test(), limit])) return true;
    } catch (error) {
      if (error instanceof DOMException && error.name === "NotAllowedError") return false; // the officer said no
    }
    if (left > 1) await pause(TEST_PAUSE_MS);
  }
  return false;
}

/** @type {Record<string, (facts: any) => Promise<Screen>>} */
export const FIRST = {
  async enrol({ code = "" }) {
    /** @type {Record<string, boolean>} */
    const tested = {};
    const message = h("div");
    const field = h("textarea", { rows: 2, id: "code", autocomplete: "off", spellcheck: "false" });
    field.value = code;
    const rows = h("ul", { class: "tests" });
    for (const [name, test, tries] of SELF_TESTS) {
      const state = h("b", { role: "status" });
      const again = plain(t("trial_again"), () => void check(), "wait", { hidden: true, "aria-label": `${t("trial_again")}: ${say(`test_${name}`)}` });
      const check = async () => {
        again.hidden = true;
        state.className = "";
        state.textContent = t("test_wait");
        const ok = await passes(test, tries);
        tested[name] = ok;
        state.textContent = t(ok ? "test_ok" : name === "persist" ? "test_later" : "test_no");
        state.className = ok ? "good" : "poor";
        again.hidden = ok;
      };
      rows.append(h("li", null, h("span", null, say(`test_${name}`)), state, again));
      void check();
    }
    const next = async () => {
      const invitation = readInvitation(field.value);
      if (!invitation) return fill(message, notice(t("enrol_bad_code"), "bad"));
      if (tested.storage === false) return fill(message, notice(t("storage_needed"), "bad"));
      return go("newPin", { invitation, tested: { ...tested, ...(tried ?? (await (await import("./trial.js")).facts())) } });
    };
    return {
      title: t("enrol_title"),
      body: [h("p", null, t("enrol_intro")), message, plain(t("enrol_scan"), () => go("scan", { enrol: true }), "scan"), h("label", { for: "code" }, t("enrol_code")), field, h("h2", null, t("enrol_tests")), rows, h("div", { class: "grid" }, plain(t("selftest"), () => go("trial"), "wait"), languageSwitch("enrol", { code }))],
      foot: [primary(t("next"), next)],
    };
  },

  async trial() {
    const rows = h("dl", { class: "card cash" });
    const verdict = h("div", { role: "status" }, notice(t("working")));
    /** @param {string} label @param {string} value */
    const line = (label, value) => h("div", null, h("dt", null, label), h("dd", null, value));
    void (async () => {
      const [trial, { number }] = await Promise.all([import("./trial.js"), import("./format.js")]);
      const about = await trial.facts();
      fill(rows, line(t("trial_memory"), about.memory_gb ? `${about.memory_gb} GB` : "–"), line(t("trial_free"), `${number(Number(about.free_mb))} MB`));
      const pays = await trial.payments();
      rows.append(line(t("trial_pay"), pays.ok ? t("trial_times", { p50: pays.p50, p95: pays.p95 }) : t("test_no")));
      const codes = await trial.codes();
      rows.append(line(t("trial_codes"), codes.ok ? t("trial_times", { p50: codes.p50, p95: codes.p95 }) : t("test_no")));
      const good = pays.ok && codes.ok && pays.p95 <= SLOW_PAYMENT_MS && codes.p95 <= SLOW_CODE_MS;
      fill(verdict, notice(t(good ? "trial_good" : "trial_slow"), good ? "good" : "bad"));
      tried = { ...about, pay_p95_ms: pays.p95, code_p95_ms: codes.p95, pay: pays.ok, code: codes.ok };
    })();
    return { title: t("selftest"), back: Boolean(device), body: [h("p", null, t("trial_intro")), rows, verdict], foot: [primary(t("trial_again"), () => go("trial", {}, true)), plain(t(device ? "to_home" : "enrol_title"), () => go(device ? "home" : "enrol", {}, true))] };
  },

  async newPin({ invitation, tested, first }) {
    const message = h("div");
    const pad = pinPad(async (pin) => {
      if (!first) {
        if (/^(\d)\1+$/.test(pin) || "0123456789876543210".includes(pin)) return fill(message, notice(t("pin_weak"), "bad"));
        return go("newPin", { invitation, tested, first: pin }, true);
      }
      if (pin !== first) return fill(message, notice(t("pin_differs"), "bad"), plain(t("back"), () => go("newPin", { invitation, tested }, true)));
      fill(message, notice(t("working")));
      try {
        await enrol(invitation, pin, tested, Boolean(tested.persist));
        await enter();
      } catch (error) {
        fill(message, notice(sentence(error), "bad"), plain(t("back"), () => go("enrol", {}, true)));
      }
    });
    return { title: t(first ? "pin_again" : "pin_new"), back: true, body: [h("p", null, t("pin_hint")), message, pad.view], leave: pad.stop };
  },

  async lock() {
    const message = h("div", { role: "alert" });
    const pad = pinPad(async (pin) => {
      fill(message, h("p", { class: "center" }, t("working")));
      try {
        await unlock(pin);
        await enter();
      } catch (error) {
        if (!(error instanceof WrongPin)) throw error;
        vibrate([80, 60, 80]);
        if (error.left === 0) return go("wiped", {}, true);
        fill(message, notice(t("pin_wrong", { n: error.left }), "bad"));
      }
    });
    return {
      title: t("pin_enter"),
      bare: true,
      body: [h("div", { class: "hero" }, h("img", { src: "icon.svg", alt: "" }), h("p", { class: "big" }, device?.officerName ?? ""), h("p", null, device?.branchName ?? "")), h("p", { class: "center" }, t("pin_enter")), message, pad.view],
      leave: pad.stop,
    };
  },

  async wiped() {
    const revoked = await meta("revoked");
    return {
      title: t(revoked ? "revoked_title" : "wiped_title"),
      body: [notice(t(revoked ? "revoked_text" : "wiped_text"), "bad"), h("p", null, t("export_text")), plain(t("export"), saveExport, "up")],
      foot: [primary(t("enrol_again"), () => go("enrol"))],
    };
  },

  async broken({ error, again }) {
    if (error instanceof TypeError) again = () => location.reload(); // a part of the app did not come over the line
    if (!isFull(error)) setTimeout(() => { throw error; }); // for the browser's own log
    return { title: t("home"), bare: true, body: [notice(sentence(error), "bad")], foot: [primary(t("try_again"), again)] };
  },
};

/** @param {string} to @param {any} [facts] */
export function languageSwitch(to, facts = {}) {
  const other = language() === "id" ? "en" : "id";
  return plain(other === "en" ? "English" : "Bahasa Indonesia", async () => (await speak(other), go(to, facts, true)), "person", { lang: other });
}

export async function saveExport() {
  download(await exportFile(), `salur-${device?.id ?? "hp"}-${new Date().toISOString().slice(0, 10)}.json`);
}
