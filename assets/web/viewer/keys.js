// Knows the keyboard: which key does what while the pointer or the focus is on the viewer and no text is being written.
// Keys are read by their place, so that an Arabic layout works too. The slice slider takes the same keys, so that "down"
// is the next slice wherever the focus is. The list of keys a reader is shown is this very table.

/** One row: the physical keys (KeyboardEvent.code), how they are named on the keyboard, the word for what they do, and the
 * act. `shift`: only with it. */
export const KEYS = [
  { codes: ["ArrowDown", "ArrowRight"], caps: ["↓", "→"], word: "key-next", act: (act) => act.steps(1) },
  { codes: ["ArrowUp", "ArrowLeft"], caps: ["↑", "←"], word: "key-previous", act: (act) => act.steps(-1) },
  { codes: ["PageDown"], caps: ["PgDn"], word: "key-ten-next", act: (act) => act.steps(10) },
  { codes: ["PageUp"], caps: ["PgUp"], word: "key-ten-previous", act: (act) => act.steps(-10) },
  { codes: ["Home"], caps: ["Home"], word: "key-first", act: (act) => act.steps(-Infinity) },
  { codes: ["End"], caps: ["End"], word: "key-last", act: (act) => act.steps(Infinity) },
  { codes: ["KeyP"], caps: ["P"], word: "viewer-play", act: (act) => act.play() },
  { codes: ["KeyW"], caps: ["W"], word: "viewer-tool-window", act: (act) => act.tool("window") },
  { codes: ["KeyZ"], caps: ["Z"], word: "viewer-tool-move", act: (act) => act.tool("move") },
  { codes: ["KeyS"], caps: ["S"], word: "viewer-tool-scroll", act: (act) => act.tool("scroll") },
  ...[["ArrowUp", "↑", 0, -10], ["ArrowDown", "↓", 0, 10], ["ArrowLeft", "←", -10, 0], ["ArrowRight", "→", 10, 0]].map(
    ([code, cap, dx, dy]) => ({ codes: [code], caps: [cap], shift: true, word: "key-drag", act: (act) => act.nudge(dx, dy) })),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((number) => ({ codes: [`Digit${number}`, `Numpad${number}`], caps: [String(number)],
    word: "key-preset", act: (act) => act.preset(number - 1) })),
  { codes: ["Equal", "NumpadAdd"], caps: ["+"], anyShift: true, word: "key-closer", act: (act) => act.zoom(1.25) },
  { codes: ["Minus", "NumpadSubtract"], caps: ["−"], word: "key-farther", act: (act) => act.zoom(0.8) },
  { codes: ["KeyF"], caps: ["F"], word: "viewer-fit", act: (act) => act.fit() },
  { codes: ["Digit0", "Numpad0"], caps: ["0"], word: "viewer-reset", act: (act) => act.reset() },
  { codes: ["KeyI"], caps: ["I"], word: "viewer-invert", act: (act) => act.invert() },
  { codes: ["KeyO"], caps: ["O"], word: "viewer-overlay", act: (act) => act.overlay() },
];

/** The row of a table that a key press means, or undefined. */
export function rowOf(table, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
  return table.find((row) => row.codes.includes(event.code) && (row.anyShift || Boolean(row.shift) === event.shiftKey));
}

/** Whether text is being written in this element. */
export function isWriting(element) {
  return Boolean(element?.closest?.(
    "textarea, select, [contenteditable=''], [contenteditable=true], input:not([type=range]):not([type=radio]):not([type=checkbox]):not([type=file])"));
}

const KEEPS_ARROWS = "[role=separator], [role=slider], [role=listbox], [role=menu], [role=radiogroup], fieldset, dialog";

/** Listens until the returned function is called. */
export function attachKeys(root, act) {
  const mine = () => {
    const focused = document.activeElement;
    if (root.contains(focused)) return true;
    return root.matches(":hover") && !isWriting(focused) && !focused?.closest?.(KEEPS_ARROWS);
  };
  const listen = (event) => {
    if (event.defaultPrevented || isWriting(event.target) || !mine()) return;
    const row = rowOf(KEYS, event);
    if (!row) return;
    row.act(act);
    event.preventDefault();
  };
  document.addEventListener("keydown", listen);
  return () => document.removeEventListener("keydown", listen);
}
