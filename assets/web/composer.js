// The question box's company: what the model will see, and questions worth asking. The box itself is Gradio's.
import { icon, node } from "./dom.js";
import { drafts } from "./drafts.js";
import { written } from "./viewer/numbers.js";
import { labelOf } from "./viewer/strip.js";
import { has, inOrder, language, onSpeak, say } from "./words.js";

const SUGGESTED = 6; // most suggestions per modality in locales: suggest-<modality>-1 …

export function drawComposer(part, room, which) {
  const place = part.element.firstElementChild;
  if (which === "seen") drawSeen(place, room);
  else drawSuggestions(place, room);
}

function box() {
  return document.querySelector("#question textarea");
}

function write(text) {
  const input = box();
  if (!input) return;
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

// What is typed and not sent, by conversation: the text, and while an earlier question is edited, which one, and what
// stood in the box before.
const kept = drafts("basira-drafts");

function drawSeen(place, room) {
  const thumbnail = node("img", { alt: "", hidden: true });
  const label = node("strong");
  const words = node("span");
  const editing = node("button", { type: "button", class: "link", hidden: true, onclick: () => stopEditing() });
  // Also here: on a phone the image's side, where the other one stands, is shown only once there is an image.
  const addWords = node("span");
  const add = node("button", { type: "button", class: "quiet add-here", onclick: () => room.chooseFiles() }, icon("image-plus"), addWords);
  place.append(thumbnail, node("div", { class: "seen-words" }, label, words), editing, add);

  let put = ""; // what stood in the box before an earlier question was taken up again

  function stopEditing() {
    const before = put;
    room.here.replaces = null;
    put = "";
    room.fill(before);
  }

  function draw() {
    const view = room.view();
    const picture = room.picture();
    thumbnail.hidden = !picture || room.model?.images === false;
    if (picture) thumbnail.src = picture;
    label.textContent = say("model-will-see");
    words.textContent = inOrder(seenWords(view));
    editing.hidden = !room.here.replaces;
    editing.textContent = say("stop-editing");
    addWords.textContent = say("add-images");
    add.setAttribute("aria-label", say("add-images"));
    add.title = say("add-images-title");
  }

  function seenWords(view) {
    if (room.model?.images === false) return say("seen-words-only");
    if (view) return viewWords(view, room.activeSeries());
    return say(room.series.length || room.early() || !room.here.opened ? "seen-loading" : "seen-nothing");
  }

  room.fill = (text) => {
    write(text);
    box()?.focus();
    draw();
  };
  room.edit = (text, turn) => {
    if (!room.here.replaces) put = box()?.value ?? "";
    room.here.replaces = turn;
    room.fill(text);
  };
  // The turn is stored: empty the box, unless the reader has already begun the next question.
  room.taken = (sent) => {
    const before = put;
    put = "";
    if (box()?.value === sent) {
      room.here.replaces = null;
      write(before);
    }
    draw();
  };
  room.takenElsewhere = (id, sent) => {
    const draft = kept.of(id);
    if (draft?.text.trim() === sent) kept.put(id, draft.put && { text: draft.put });
  };
  // An unnamed conversation got its name: what was typed belongs to it from now on, also if the reader has left it.
  room.placeNamed = (place) => {
    kept.put(place.id, place === room.here ? kept.of("") : place.draft);
    if (place === room.here) kept.put("", null);
  };
  room.placeLeft = (left) => {
    if (!left.id && left.begun) {
      left.draft = kept.of("");
      kept.put("", null);
    }
    takeUp();
  };

  function takeUp() {
    const draft = kept.of(room.conversation);
    put = draft?.put ?? "";
    room.here.replaces = draft?.replaces ?? null;
    write(draft?.text ?? "");
    draw();
  }

  // What is being typed outlives a reload (a lost connection reloads the page), in this tab only.
  document.addEventListener("input", (event) => {
    if (!event.target.closest?.("#question")) return;
    const { replaces } = room.here;
    const text = event.target.value;
    kept.put(room.conversation, (text || replaces) && { text, replaces, put });
  });
  const waiting = setInterval(() => {
    if (!box()) return;
    clearInterval(waiting);
    if (kept.of(room.conversation) && !box().value) takeUp();
  }, 100);

  room.viewChanged = draw;
  onSpeak(draw);
  draw();
}

// The same words as app/captions.py writes beside the stored picture.
export function viewWords(view, series) {
  const label = labelOf(series, view.frame, language());
  const words = [say(view.region ? "view-part" : "view-whole"), ...(label ? [label] : [])];
  if (Number.isFinite(view.center) && view.center !== null && view.lut === null) {
    words.push(say("view-window").replace("{width}", written(view.width)).replace("{level}", written(view.center)));
  }
  if (view.lut !== null) words.push(say("preset-table").replace("{number}", view.lut + 1));
  if (series && series.frames > 1) words.push(say(`view-${series.counted ?? "slice"}`).replace("{number}", view.frame + 1));
  return words.join(" · ");
}

function drawSuggestions(place, room) {
  const limit = node("p", { class: "limit-line" });
  const offered = new Set();
  let suggested = [];
  place.after(limit);
  function draw() {
    const series = room.activeSeries();
    const kind = series ? suggestionsFor(series.facts) : "none";
    const keys = Array.from({ length: SUGGESTED }, (_, index) => `suggest-${kind}-${index + 1}`).filter(has);
    suggested = keys.map(say);
    place.replaceChildren(...suggested.map((text) => node("button", { type: "button", class: "suggestion", dir: "auto", onclick: () => suggest(text) }, text)));
    limit.textContent = say("disclaimer");
  }

  // A suggestion takes the place of nothing or of another one; after words of the reader's own it is added.
  function suggest(text) {
    const typed = box()?.value.trim() ?? "";
    room.fill(!typed || offered.has(typed) ? text : `${typed}\n${text}`);
    offered.add(text);
  }
  room.seriesChanged = draw;
  onSpeak(draw);
  draw();
}

function suggestionsFor(facts) {
  const modality = facts.modality || "";
  if (["CR", "DX", "RG", "MG", "PX", "IO"].includes(modality)) return "radiograph";
  if (modality === "CT") return facts.body_part === "HEAD" ? "head" : "ct";
  if (modality === "MR") return "mr";
  if (modality === "SM" || facts.kind === "slide" || facts.stain) return "histology";
  return "any";
}
