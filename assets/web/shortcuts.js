// The keyboard beyond the image: to the question box and back, and the list of every key there is. The list is made from
// the tables that bind the keys, so that it cannot say anything else than what they do.
import { node } from "./dom.js";
import { onSpeak, say } from "./words.js";
import { KEYS, isWriting, rowOf } from "./viewer/keys.js";

const box = () => document.querySelector("#question textarea");
const image = () => document.querySelector(".basira-viewer:not(.bv-is-empty) .bv-stage");

const PAGE = [
  { codes: ["Slash"], caps: ["/"], word: "key-question", act: () => box()?.focus() },
  { codes: ["Slash"], caps: ["?"], shift: true, word: "key-list", act: () => showKeys() },
];
const IN_BOX = [
  { codes: ["Escape"], caps: ["Esc"], word: "key-leave-box", act: leaveBox },
];

function leaveBox() {
  box().blur();
  image()?.focus({ preventScroll: true });
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const inBox = event.target === box();
  if (!inBox && (isWriting(event.target) || event.target.closest?.("dialog"))) return;
  const row = rowOf(inBox ? IN_BOX : PAGE, event) ?? (!inBox && ["?", "؟"].includes(event.key) ? PAGE[1] : null);
  if (!row) return;
  event.preventDefault();
  row.act();
});

// Rows that do the same with other keys are one line: 1 … 9 choose a preset.
function lines(table) {
  const found = new Map();
  for (const row of table) {
    const name = `${row.word} ${row.shift ?? false}`;
    const line = found.get(name) ?? { word: row.word, shift: row.shift, caps: [] };
    line.caps.push(...row.caps);
    found.set(name, line);
  }
  return [...found.values()];
}

function keysOf({ caps, shift }) {
  const shown = caps.length > 4 ? [caps[0], "…", caps.at(-1)] : caps;
  const keys = shown.map((cap) => (cap === "…" ? "…" : node("kbd", {}, cap)));
  return node("span", { class: "caps", dir: "ltr" }, ...(shift && caps[0] !== "?" ? [node("kbd", {}, "Shift"), "+"] : []), ...keys);
}

const title = node("h2");
const list = node("div", { class: "key-list" });
const close = node("button", { type: "button", class: "ghost", onclick: () => panel.close() });
const panel = node("dialog", { class: "keys-panel", onclick: (event) => event.target === panel && panel.close() }, title, list, close);

function draw() {
  const part = (heading, table) => [
    node("h3", {}, say(heading)),
    node("dl", {}, ...lines(table).map((line) => node("div", {}, node("dt", {}, keysOf(line)), node("dd", {}, say(line.word))))),
  ];
  title.textContent = say("keys-title");
  list.replaceChildren(...part("keys-image", KEYS), ...part("keys-page", [...PAGE, ...IN_BOX]));
  close.textContent = say("close");
  panel.setAttribute("aria-label", say("keys-title"));
}

export function showKeys() {
  if (!panel.isConnected) document.getElementById("room").append(panel);
  draw();
  if (!panel.open) panel.showModal();
}

onSpeak(() => panel.open && draw());
