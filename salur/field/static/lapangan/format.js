// @ts-check
/** Numbers, money, days as Indonesia writes them. */
import { language } from "./i18n.js";

const ONES = ["", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan", "sepuluh", "sebelas"];
const whole = new Intl.NumberFormat("id-ID", { maximumFractionDigits: 0 });

/** @param {number} value */
export const number = (value) => whole.format(value);

/** `Rp600.000`, without a space. @param {number} amount */
export const rupiah = (amount) => (amount < 0 ? `−Rp${whole.format(-amount)}` : `Rp${whole.format(amount)}`);

/** The amount in words, as on a receipt. @param {number} amount whole rupiah, at most 999 trillion @returns {string} */
export function words(amount) {
  const spoken = spell(amount);
  return `${spoken ? spoken : "nol"} rupiah`;
}

/** @param {number} value @returns {string} */
function spell(value) {
  if (value < 12) return ONES[value];
  if (value < 20) return `${ONES[value - 10]} belas`;
  if (value < 100) return joined(`${ONES[Math.floor(value / 10)]} puluh`, value % 10);
  if (value < 200) return joined("seratus", value - 100);
  if (value < 1000) return joined(`${ONES[Math.floor(value / 100)]} ratus`, value % 100);
  if (value < 2000) return joined("seribu", value - 1000);
  for (const [unit, name] of /** @type {[number, string][]} */ ([[1e12, "triliun"], [1e9, "miliar"], [1e6, "juta"], [1e3, "ribu"]])) {
    if (value >= unit) return joined(`${spell(Math.floor(value / unit))} ${name}`, value % unit);
  }
  return "";
}

/** @param {string} head @param {number} rest */
const joined = (head, rest) => (rest ? `${head} ${spell(rest)}` : head);

const locale = () => (language() === "en" ? "en-GB" : "id-ID");

/** @type {Record<string, string>} */
const ZONES = { "-420": "WIB", "-480": "WITA", "-540": "WIT" };

/** The hour with its zone, `09.41 WITA`. @param {number} ms */
export function hour(ms) {
  const at = new Date(ms);
  const digits = `${String(at.getHours()).padStart(2, "0")}.${String(at.getMinutes()).padStart(2, "0")}`;
  return `${digits} ${ZONES[String(at.getTimezoneOffset())] ?? ""}`.trim();
}

/** @param {string} iso a day, 2022-03-12 */
export const day = (iso) =>
  new Date(`${iso}T12:00:00`).toLocaleDateString(locale(), { weekday: "long", day: "numeric", month: "long", year: "numeric" });

/** The day and the hour, `Sabtu, 12 Maret 2022, 09.41 WITA`. @param {number} ms */
export const moment = (ms) => `${day(new Date(ms).toLocaleDateString("sv"))}, ${hour(ms)}`; // Swedes write days as ISO does
