// @ts-check
/**
 * A file of the app did not come, and nothing can be drawn without it: say so, and start again as soon as the server answers. No module, so that it works
 * when a module is what is missing.
 */
(() => {
  let again = false;

  const startAgain = () => {
    if (again) return;
    again = true;
    const app = document.getElementById("app");
    if (app && !app.firstChild) app.textContent = "Aplikasi belum termuat lengkap. Dicoba lagi…  ·  The app did not load completely. Trying again…";
    const tryIt = () =>
      fetch("version.js", { cache: "no-store" }).then(
        (answer) => (answer.ok ? location.reload() : void setTimeout(tryIt, 2_000)),
        () => void setTimeout(tryIt, 2_000),
      );
    setTimeout(tryIt, 500);
  };

  /** @param {EventTarget | null} what */
  const needed = (what) => what instanceof HTMLScriptElement || (what instanceof HTMLLinkElement && what.rel === "stylesheet");
  addEventListener("error", ({ target }) => needed(target) && startAgain(), true); // such an error does not bubble
  addEventListener("incomplete", startAgain); // told by app.js: the day's work did not come
})();
