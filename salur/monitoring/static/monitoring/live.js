// An open board asks for its living part while somebody looks at it. Without this file the page is the same, only still.
"use strict";
(() => {
  const EVERY = 4000;
  const living = document.getElementById("living");
  const cutOff = document.getElementById("cut-off");
  const ask = () => { if (!document.hidden) window.htmx.trigger(living, "ask"); };
  let open = [];

  setInterval(ask, EVERY);
  document.addEventListener("visibilitychange", ask);

  // What is on the screen is named by its tag; the server answers 304 as long as it would say the same, and at which moment it looked.
  living.addEventListener("htmx:configRequest", (event) => { event.detail.headers["If-None-Match"] = living.dataset.etag; });
  living.addEventListener("htmx:afterRequest", (event) => {
    const answer = event.detail.xhr;
    cutOff.hidden = answer.status === 200 || answer.status === 304;
    const moment = answer.getResponseHeader("Salur-Moment");
    if (answer.status === 304 && moment) for (const shown of living.querySelectorAll(".moment")) shown.textContent = moment;
    if (answer.status === 200) living.dataset.etag = answer.getResponseHeader("ETag") || "";
  });
  living.addEventListener("htmx:beforeSwap", () => { open = [...living.querySelectorAll("details[open]")].map((part) => part.id); });
  living.addEventListener("htmx:afterSwap", () => { for (const id of open) { const part = document.getElementById(id); if (part) part.open = true; } });
})();
