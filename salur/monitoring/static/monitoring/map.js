// The map is in step with the list: its colours follow the figures that arrive, and what is pointed at in one is marked in the other.
"use strict";
(() => {
  const board = document.getElementById("living");
  const marked = (key) => board.querySelectorAll(`[data-area="${CSS.escape(key)}"]`);
  let last = "";

  const paint = () => {
    const told = document.getElementById("map-steps");
    if (!told || !told.value) return;
    for (const part of told.value.split("|")) {
      const [key, step, ...share] = part.split(":");
      const shape = board.querySelector(`path[data-area="${CSS.escape(key)}"]`);
      if (!shape) continue;
      shape.setAttribute("class", `s${step}`);
      const title = shape.querySelector("title");
      if (title) title.textContent = `${title.textContent.split(" · ")[0]} · ${share.join(":")}`;
      const label = board.querySelector(`text[data-label="${CSS.escape(key)}"]`);
      const written = label && label.querySelector(".share-text");
      if (written) written.textContent = share.join(":");
    }
  };

  const mark = (event) => {
    const part = event.target instanceof Element ? event.target.closest("[data-area]") : null;
    const key = part ? part.getAttribute("data-area") : "";
    if (key === last) return;
    for (const one of last ? marked(last) : []) one.classList.remove("marked");
    for (const one of key ? marked(key) : []) one.classList.add("marked");
    last = key;
  };

  board.addEventListener("htmx:afterSwap", () => { last = ""; paint(); });
  for (const kind of ["mouseover", "focusin"]) board.addEventListener(kind, mark);
  board.addEventListener("mouseleave", mark);
})();
