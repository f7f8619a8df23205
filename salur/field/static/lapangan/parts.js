// @ts-check
/** Pieces that several screens are made of. */
import { fill, h, sign } from "./dom.js";
import { say, t } from "./i18n.js";

/** @param {string} label @param {() => unknown} onclick @param {Record<string, any>} [props] */
export const primary = (label, onclick, props = {}) => h("button", { class: "primary", onclick, ...props }, label);

/** @param {string} label @param {() => unknown} onclick @param {string} [icon] @param {Record<string, any>} [props] */
export const plain = (label, onclick, icon, props = {}) => h("button", { class: "plain", onclick, ...props }, icon ? sign(icon) : null, label);

/** @param {string} text @param {string} [kind] */
export const notice = (text, kind = "note") => h("p", { class: `notice ${kind}`, role: "alert" }, sign(kind === "bad" ? "stop" : kind === "good" ? "check" : "warn"), h("span", null, text));

/** One of several, as large buttons. @template {string} V @param {string} label @param {readonly V[]} values @param {V} chosen @param {(value: V) => void} onChoose */
export function choice(label, values, chosen, onChoose) {
  const group = h("div", { class: "choice", role: "radiogroup", "aria-label": label });
  const buttons = values.map((value) => {
    const button = h("button", { type: "button", role: "radio", "aria-checked": String(value === chosen), "data-value": value }, say(value));
    button.addEventListener("click", () => {
      buttons.forEach((other) => other.setAttribute("aria-checked", String(other === button)));
      onChoose(value);
    });
    return button;
  });
  group.append(...buttons);
  return h("section", null, h("h2", null, label), group);
}

/** @param {string} label @param {(on: boolean) => void} onToggle @param {string} name */
export function toggle(label, onToggle, name) {
  const button = h("button", { class: "toggle", type: "button", role: "switch", "aria-checked": "false", "data-value": name }, sign("check"), label);
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-checked") !== "true";
    button.setAttribute("aria-checked", String(on));
    onToggle(on);
  });
  return button;
}

/** Six digits on large keys. @param {(pin: string) => void} onPin */
export function pinPad(onPin) {
  let typed = "";
  const dots = h("p", { class: "dots", "aria-live": "polite" });
  const show = () => {
    dots.setAttribute("aria-label", `${typed.length} / 6`);
    fill(dots, ...Array.from({ length: 6 }, (_, at) => h("i", { class: at < typed.length ? "on" : "" })));
  };
  /** @param {string} digit */
  const press = (digit) => {
    typed = digit === "x" ? typed.slice(0, -1) : (typed + digit).slice(0, 6);
    show();
    if (typed.length === 6) {
      const pin = typed;
      typed = "";
      setTimeout(() => {
        show();
        onPin(pin);
      }, 60);
    }
  };
  const pad = h("div", { class: "pad" }, ...[..."123456789 0"].map((digit) => (digit === " " ? h("span") : h("button", { type: "button", onclick: () => press(digit) }, digit))), h("button", { type: "button", "aria-label": t("pin_erase"), onclick: () => press("x") }, sign("erase")));
  /** @param {KeyboardEvent} event */
  const key = (event) => {
    if (/^[0-9]$/.test(event.key)) press(event.key);
    if (event.key === "Backspace") press("x");
  };
  addEventListener("keydown", key);
  show();
  return { view: h("div", { class: "pin" }, dots, pad), stop: () => removeEventListener("keydown", key) };
}
