// The bar on top: name, model, what this is not for, theme, and the shelf's button on small screens.
import { icon, node } from "./dom.js";
import { showKeys } from "./shortcuts.js";
import { has, onSpeak, pick, say } from "./words.js";

export function drawMasthead(part, room) {
  const root = document.documentElement;
  const chip = node("span", { class: "chip", id: "model" });
  const shelf = node("button", { class: "quiet icon-button shelf-button", type: "button", "aria-expanded": "false", "aria-controls": "shelf" }, icon("menu"));
  const theme = node("button", { class: "quiet icon-button theme-button", type: "button" });
  const keys = node("button", { class: "quiet icon-button keys-button", type: "button", onclick: showKeys }, icon("keyboard"));
  const skip = node("button", { class: "skip", type: "button", onclick: () => document.querySelector("#question textarea")?.focus() });
  const first = node("h1");
  const second = node("span", { class: "second-name" });
  const limit = node("span", { class: "limit" });
  const paper = new CSSStyleSheet(); // what this is not for stands at the foot of every printed page
  document.adoptedStyleSheets.push(paper);
  shelf.addEventListener("click", () => {
    room.openShelf(root.dataset.shelf !== "open");
  });
  theme.addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
    try {
      localStorage.setItem("basira-theme", root.dataset.theme);
    } catch {
      // storage may be forbidden; the choice then lasts until the page closes
    }
    draw();
  });

  // On a phone the first words that still say what it is; without `short` only what comes first.
  function lengths(short, apply, name, ...more) {
    if (apply) return [node("span", { class: "long" }, name, ...more), node("span", { class: "short" }, short)];
    return [name, node("span", { class: "long" }, ...more), node("span", { class: "short" })];
  }

  function drawChip() {
    const model = room.model;
    const state = model ? model.state : "loading";
    chip.dataset.state = state;
    chip.title = state === "failed" ? pick(model.sentence) : "";
    if (state === "ready") {
      const held = `quantization-${model.quantization}`;
      const name = model.demonstration ? say("model-demonstration") : model.name;
      const how = has(held) ? say(held) : model.quantization;
      chip.title = `${name} · ${how}`;
      chip.replaceChildren(node("i"), ...lengths(say("model-demonstration-short"), model.demonstration, node("bdi", {}, name), node("span", {}, " · "), node("bdi", {}, how)));
    } else if (state === "failed") {
      chip.replaceChildren(node("i"), say("model-failed"));
    } else {
      const percent = model ? Math.round(model.progress * 100) : 0;
      chip.replaceChildren(node("i"), ...lengths(say("model-loading-short"), true, say("model-loading")), node("bdi", { dir: "ltr" }, ` ${percent}%`));
    }
  }

  function draw() {
    first.textContent = say("brand");
    second.textContent = say("brand-other");
    second.lang = root.lang === "ar" ? "en" : "ar";
    limit.textContent = say("disclaimer");
    paper.replaceSync(`@page { @bottom-center { content: ${JSON.stringify(say("disclaimer"))}; font: 9pt "Plex Arabic", sans-serif; } }`);
    skip.textContent = say("skip-to-question");
    keys.setAttribute("aria-label", say("keys-title"));
    keys.setAttribute("aria-keyshortcuts", "?");
    keys.title = `${say("keys-title")} (?)`;
    shelf.setAttribute("aria-label", say("shelf-button"));
    shelf.title = say("shelf-button");
    const key = root.dataset.theme === "light" ? "theme-dark" : "theme-light";
    theme.setAttribute("aria-label", say(key));
    theme.title = say(key);
    theme.replaceChildren(icon(root.dataset.theme === "light" ? "moon" : "sun"));
    drawChip();
  }

  part.element.firstElementChild.append(skip, shelf, node("span", { class: "brand" }, first, second), chip, node("span", { class: "space" }), limit, keys, theme);
  room.modelChanged = both(drawChip, () => modelFailed(room), () => room.viewChanged(), () => room.drawWelcome?.());
  onSpeak(draw);
  draw();
}

const both = (...each) => () => each.forEach((one) => one());

let told = false;
function modelFailed(room) {
  if (room.model?.state !== "failed" || told) return;
  told = true;
  room.tell({ kind: "error", sentence: room.model.sentence, stays: true });
}
