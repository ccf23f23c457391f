// Who works by keyboard stays in the shelf: when the row with the focus goes, erased, the next one takes it over.
const ROWS = ".shelf-item, .shelf-question"; // also what was just deleted and can be taken back

export function keepFocus(shelf) {
  let place = -1; // the row that has the focus, -1: the focus is elsewhere

  document.addEventListener("focusin", (event) => {
    const row = shelf.contains(event.target) ? event.target.closest(ROWS) : null;
    place = row ? [...shelf.querySelectorAll(ROWS)].indexOf(row) : -1;
  });
  document.addEventListener("pointerdown", (event) => {
    if (!shelf.contains(event.target)) place = -1;
  });
  new MutationObserver(() => {
    if (place < 0 || document.activeElement !== document.body) return;
    const rows = [...shelf.querySelectorAll(ROWS)];
    const next = rows[Math.min(place, rows.length - 1)];
    (next?.querySelector("button") ?? document.getElementById("new-conversation"))?.focus();
  }).observe(shelf, { childList: true, subtree: true });
}
