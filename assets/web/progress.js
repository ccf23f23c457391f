// How far files are on their way into the conversation: said over the image, with how much there is and how to call it
// off. Knows no file and no route.
import { node } from "./dom.js";
import { written } from "./viewer/numbers.js";
import { onSpeak, say } from "./words.js";

const MEGABYTE = 1e6;

/** {element, begin(bytes, callOff or null), show({kind, done, total}), hide()}: `kind` is "sending" (bytes) or "reading"
 * (files, then pictures). */
export function drawProgress() {
  const bar = node("progress", { max: "1", value: "0" });
  const words = node("span", { class: "muted", role: "status" });
  const cancel = node("button", { type: "button", class: "ghost cancel-reading" });
  const element = node("div", { class: "reading-progress", hidden: true }, bar, words, cancel);
  let bytes = 0;
  let shown = { kind: "reading", done: 0, total: 0 };
  let callOff = null;

  function begin(size, act) {
    bytes = size;
    callOff = act;
    cancel.hidden = !act;
    show({ kind: "reading", done: 0, total: 0 });
  }

  function show(state) {
    shown = state;
    element.hidden = false;
    draw();
  }

  cancel.addEventListener("click", () => {
    cancel.hidden = true;
    callOff();
  });

  function draw() {
    const { kind, done, total } = shown;
    if (total > 0) bar.value = done / total;
    else bar.removeAttribute("value");
    const size = (value) => written(value / MEGABYTE);
    const count = kind === "sending" ? `${size(done)} / ${size(total)} MB` : `${done} / ${total}`;
    words.replaceChildren(
      say(kind === "sending" ? "sending-files" : "reading-files"),
      ...(total > 1 ? [" ", node("bdi", { dir: "ltr" }, count)] : []),
      ...(kind === "reading" && bytes > MEGABYTE ? [" · ", node("bdi", { dir: "ltr" }, `${size(bytes)} MB`)] : []),
    );
    cancel.textContent = say("cancel");
  }

  onSpeak(() => !element.hidden && draw());
  return { element, begin, show, hide: () => (element.hidden = true) };
}
