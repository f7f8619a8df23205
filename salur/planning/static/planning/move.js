// A session is dragged to another day of its village's row; the server judges the move and answers with the next version or with what it would
// break. Without this file a click on the session shows the days it could move to.
"use strict";
(() => {
  const table = document.querySelector("table[data-move]");
  const form = document.getElementById("drop");
  if (!table || !form) return;
  let held = null;

  const cellFor = (target) => {
    const cell = target instanceof Element ? target.closest("td[data-day]") : null;
    return cell && held && cell.parentElement === held.closest("tr") && cell.dataset.day !== held.dataset.from ? cell : null;
  };
  const clear = () => { for (const cell of table.querySelectorAll(".over")) cell.classList.remove("over"); };

  table.addEventListener("dragstart", (event) => {
    held = event.target instanceof Element ? event.target.closest("a[data-village]") : null;
    if (held) { event.dataTransfer.effectAllowed = "move"; event.dataTransfer.setData("text/plain", held.dataset.village); }
  });
  table.addEventListener("dragover", (event) => {
    const cell = cellFor(event.target);
    clear();
    if (cell) { event.preventDefault(); cell.classList.add("over"); }
  });
  table.addEventListener("dragend", () => { clear(); held = null; });
  table.addEventListener("drop", (event) => {
    const cell = cellFor(event.target);
    if (!cell) return;
    event.preventDefault();
    form.elements.desa.value = held.dataset.village;
    form.elements.dari.value = held.dataset.from;
    form.elements.ke.value = cell.dataset.day;
    form.submit();
  });
})();
