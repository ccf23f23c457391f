// Under a box in which somebody writes: how it will read. A box shows mixed text in the order of its keys, in which
// the sign of a number stands on its wrong side.
import { node } from "./dom.js";
import { directionOf } from "./direction.js";
import { isolate, turned } from "./order.js";
import { onSpeak, say } from "./words.js";

const BOXES = "#question textarea, .rating textarea";
const TELLING = /[\p{N}\p{S}\p{P}]/u;
const made = new WeakMap(); // box → its preview

// Whether a line holds something of the other script with a sign or a number in it.
const mixed = (line) => isolate(line, directionOf(line)).some((run) => run.direction && TELLING.test(run.text));

// Lines as paragraphs, every run in its own order: what app/answer_html.py makes of a question.
export function paragraphs(text, inherited) {
  let way = inherited;
  return text.split("\n").map((line) => {
    way = directionOf(line, way);
    return node("p", { dir: way }, ...isolate(line, way).map((run) => drawRun(run, way)));
  });
}

function drawRun(run, around) {
  if (!run.direction) return around === "rtl" ? turned(run.text) : run.text;
  const inside = run.runs ? run.runs.map((each) => drawRun(each, run.direction)) : [run.text];
  return node(run.override ? "bdo" : "bdi", { dir: run.direction }, ...inside);
}

function draw(box) {
  const needed = box.value.split("\n").some(mixed);
  let preview = made.get(box);
  if (!needed && !preview) return;
  if (!preview?.isConnected) {
    preview = node("div", { class: "reads-as ordered", hidden: true, "aria-hidden": "true" }); // it is heard as it is
    made.set(box, preview);
    (box.closest("label") ?? box).after(preview);
  }
  preview.title = say("reads-as");
  preview.hidden = !needed;
  if (needed) preview.replaceChildren(...paragraphs(box.value, document.documentElement.dir));
}

export function watchWriting() {
  document.addEventListener("input", (event) => event.target.matches?.(BOXES) && draw(event.target));
  onSpeak(() => document.querySelectorAll(BOXES).forEach(draw));
}
