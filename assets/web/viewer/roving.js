// Knows how a row of buttons is one stop of the Tab key: the last one used can be reached, arrows lead to the others.

const STEPS = { ArrowDown: 1, ArrowUp: -1, ArrowRight: 1, ArrowLeft: -1 };

/** Makes the buttons in `row`, now and later, one tab stop. Arrow keys follow what is seen, also from right to left. */
export function rove(row) {
  let chosen = null;
  const buttons = () => [...row.querySelectorAll("button")].filter((one) => !one.disabled && !one.hidden);

  function settle() {
    const all = buttons();
    if (!all.includes(chosen)) chosen = all.find((one) => one.matches("[aria-current=true], [aria-pressed=true]")) ?? all[0] ?? null;
    for (const one of row.querySelectorAll("button")) one.tabIndex = one === chosen ? 0 : -1;
  }

  row.addEventListener("focusin", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    chosen = button;
    settle();
  });
  row.addEventListener("keydown", (event) => {
    const all = buttons();
    const at = all.indexOf(event.target.closest("button"));
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const mirrored = getComputedStyle(row).direction === "rtl" && /Left|Right/.test(event.key) ? -1 : 1;
    const to = event.key === "Home" ? 0 : event.key === "End" ? all.length - 1 : at + (STEPS[event.key] ?? NaN) * mirrored;
    if (Number.isNaN(to)) return;
    event.preventDefault(); // the viewer's own keys are not meant
    all[Math.min(all.length - 1, Math.max(0, to))].focus();
  });
  new MutationObserver(settle).observe(row, { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled", "hidden"] });
  settle();
}
