// Knows the keyboard: which key does what while the viewer has the focus, or while the pointer is over it and
// nothing is being typed elsewhere. Keys are read by position for letters, so that an Arabic layout works too.
// The slice slider takes the same keys, so that "down" is the next slice wherever the focus is.

const ACTIONS = {
  KeyW: (act) => act.tool("window"), KeyZ: (act) => act.tool("move"), KeyS: (act) => act.tool("scroll"),
  KeyF: (act) => act.fit(), KeyP: (act) => act.play(), KeyI: (act) => act.invert(), KeyO: (act) => act.overlay(),
  ArrowUp: (act) => act.steps(-1), ArrowDown: (act) => act.steps(1),
  ArrowLeft: (act) => act.steps(-1), ArrowRight: (act) => act.steps(1),
  PageUp: (act) => act.steps(-10), PageDown: (act) => act.steps(10),
  Home: (act) => act.steps(-Infinity), End: (act) => act.steps(Infinity),
  Digit0: (act) => act.reset(), Numpad0: (act) => act.reset(),
  Equal: (act) => act.zoom(1.25), NumpadAdd: (act) => act.zoom(1.25),
  Minus: (act) => act.zoom(0.8), NumpadSubtract: (act) => act.zoom(0.8),
};
const NUDGES = { ArrowUp: [0, -10], ArrowDown: [0, 10], ArrowLeft: [-10, 0], ArrowRight: [10, 0] };

const types = (element) => element?.closest?.(
  "textarea, select, [contenteditable=''], [contenteditable=true], input:not([type=range])");

/** Listens until the returned function is called. Shift + arrows drag with the chosen tool. */
export function attachKeys(root, act) {
  const mine = () => {
    const focused = document.activeElement;
    if (root.contains(focused)) return true;
    return root.matches(":hover") && (!focused || focused === document.body);
  };
  const listen = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (types(event.target) || !mine()) return;
    const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code);
    if (event.shiftKey && NUDGES[event.code]) act.nudge(...NUDGES[event.code]);
    else if (digit && !event.shiftKey) act.preset(Number(digit[1]) - 1);
    else if (ACTIONS[event.code] && (!event.shiftKey || event.code === "Equal")) ACTIONS[event.code](act);
    else return;
    event.preventDefault();
  };
  document.addEventListener("keydown", listen);
  return () => document.removeEventListener("keydown", listen);
}
