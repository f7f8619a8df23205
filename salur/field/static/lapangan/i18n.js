// @ts-check
/** The words on the screen: Indonesian first, English second (messages.js). */
import { meta, setMeta } from "./db.js";
import { MESSAGES } from "./messages.js";

/** @typedef {keyof typeof MESSAGES} Key */

/** @type {"id" | "en"} */
let chosen = "id";

export const language = () => chosen;

export async function loadLanguage() {
  chosen = (await meta("language")) === "en" ? "en" : "id";
  document.documentElement.lang = chosen;
}

/** @param {"id" | "en"} wanted */
export async function speak(wanted) {
  await setMeta("language", wanted);
  await loadLanguage();
}

/** `t("tries_left", { n: 3 })` @param {Key} key @param {Record<string, string | number>} [facts] @returns {string} */
export function t(key, facts = {}) {
  const message = MESSAGES[key][chosen === "en" ? 1 : 0];
  return message.replace(/\{(\w+)\}/g, (_, name) => String(facts[name] ?? ""));
}

/** A message whose key is made of parts; the key itself when nobody wrote one. @param {string} key */
export const say = (key) => (key in MESSAGES ? t(/** @type {Key} */ (key)) : key);
