// The empty room: one act, with the whole stage as its target, and samples for who has no image at hand. On a small screen,
// which has no stage before there is an image, the same act stands in the conversation.
import { icon, node } from "./dom.js";
import { onSpeak, say } from "./words.js";

const small = matchMedia("(max-width: 899px)");
let act = null;

/** Where the act stands: once in the stage, once in the conversation; `settle` moves it to the one that is seen. */
export function actSlot(room) {
  const slot = node("div", { class: "act-slot" });
  if (!act) {
    act = node("div", { class: "empty-room", onclick: (event) => event.target.closest("button") || room.chooseFiles() });
    const draw = () => act.replaceChildren(...content(room));
    room.drawAct = draw;
    onSpeak(draw);
    draw();
    small.addEventListener("change", settle);
  }
  queueMicrotask(settle);
  return slot;
}

function settle() {
  const [stage, conversation] = [".bv-stage .act-slot", ".greeting .act-slot"].map((place) => document.querySelector(place));
  (small.matches ? conversation : stage)?.append(act);
}

function content(room) {
  return [
    icon("cloud-upload"),
    node("h2", {}, say("stage-title")),
    node("p", {}, say(room.model?.remote ? "welcome-text-remote" : "welcome-text")),
    node("button", { type: "button", class: "choose", onclick: () => room.chooseFiles() }, icon("folder-open"), node("span", {}, say("choose-files"))),
    node("p", { class: "or" }, node("span", {}, say("samples-title"))),
    node("div", { class: "samples" }, ...samples(room)),
  ];
}

function samples(room) {
  return JSON.parse(document.getElementById("basira-samples").textContent).map((name) => {
    const stem = name.replace(/\.[^.]+$/, "");
    return node(
      "button",
      { type: "button", class: "sample", "data-sample": name, onclick: () => room.takeSample(name) },
      node("img", { src: `/page/samples/thumbnails/${stem}.png`, alt: "" }),
      node("span", {}, say(`sample-${stem}`)),
    );
  });
}

/** What stands in a conversation without questions: what the room is for, or, with an image in it, how to ask. */
export function greet(room, slot) {
  return node(
    "div",
    { class: "welcome" },
    node("h2", { class: "without-image" }, say("welcome-title")),
    node("p", { class: "without-image" }, say("welcome-languages")),
    node("h2", { class: "with-image" }, say("welcome-image-title")),
    node("p", { class: "with-image" }, say("welcome-image-text")),
    room.model?.demonstration ? node("p", { class: "caution" }, icon("info"), node("span", {}, say("welcome-demonstration"))) : null,
    slot,
  );
}
