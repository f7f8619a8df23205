// @ts-check
/** Elements without markup in strings: what a name holds stays text. */

/** @typedef {Node | string | number | null | undefined | false} Child */

const SVG = "http://www.w3.org/2000/svg";

/**
 * `h("button", { class: "primary", onclick }, "Bayar")`. Properties starting with `on` are listeners; `true` is an empty attribute.
 * @template {keyof HTMLElementTagNameMap} K @param {K} tag @param {Record<string, any> | null} [props] @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  dress(element, props);
  element.append(...kept(children));
  return element;
}

/** @param {Element} element @param {Record<string, any> | null | undefined} props */
function dress(element, props) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** @param {(Child | Child[])[]} children @returns {(Node | string)[]} */
const kept = (children) =>
  /** @type {(Node | string)[]} */ (
    children.flat().filter((child) => child !== null && child !== undefined && child !== false).map((child) => (child instanceof Node ? child : String(child)))
  );

/** @param {Element} element @param {...(Child | Child[])} children */
export const fill = (element, ...children) => element.replaceChildren(...kept(children));

// Drawn on a grid of 24, lines of 2: shapes to be known at arm's length in the sun.
/** @type {Record<string, string>} */
const SIGNS = {
  back: "M15 5l-7 7 7 7",
  scan: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M7 12h10",
  list: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  check: "M5 13l4 4L19 7",
  wait: "M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
  warn: "M12 4L2.5 20h19zM12 10v4M12 17h.01",
  stop: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M6 6l12 12",
  up: "M12 20V6M6 11l6-6 6 6",
  photo: "M4 8h3l2-3h6l2 3h3v11H4zM12 10a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7",
  house: "M4 11l8-7 8 7M6 10v10h12V10M10 20v-6h4v6",
  place: "M12 21s7-6.5 7-12a7 7 0 0 0-14 0c0 5.5 7 12 7 12M12 7a2 2 0 1 0 0 4 2 2 0 0 0 0-4",
  cash: "M3 7h18v10H3zM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5M6 12h.01M18 12h.01",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4 21c0-4.5 3.5-7 8-7s8 2.5 8 7",
  no: "M6 6l12 12M18 6L6 18",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16 16l5 5",
  erase: "M9 6h11v12H9l-6-6zM12 9.5l5 5M17 9.5l-5 5",
  refresh: "M20 11a8 8 0 1 0-2 6M20 5v6h-6",
};

/** @param {string} name @param {string} [extra] class */
export function sign(name, extra = "") {
  const svg = document.createElementNS(SVG, "svg");
  dress(svg, { viewBox: "0 0 24 24", class: `sign ${extra}`, "aria-hidden": "true" });
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SIGNS[name]);
  svg.append(path);
  return svg;
}
