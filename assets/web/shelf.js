// The shelf: earlier conversations by day, found by searching, reopened by a click, erased after a question.
import { icon, node } from "./dom.js";
import { language, onSpeak, pick, say } from "./words.js";

const DAY = 86400000;

export function drawShelf(part, room) {
  const search = node("input", { type: "search", class: "search", id: "search-conversations", dir: "auto" });
  const list = node("nav", { class: "shelf-list" });
  part.element.firstElementChild.append(search, list);
  let timer = 0;
  let erasing = "";
  let drawn = ""; // what the list shows now: while an answer grows nothing changes here, and clicks must arrive
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => part.trigger("search", { text: search.value }), 200);
  });

  function open(id) {
    room.openShelf(false);
    if (id !== room.conversation) room.open(id);
  }

  function item(entry) {
    // What it is about comes first and in the page's language; the question after it keeps its own direction, in
    // which it is also cut where it is too long.
    const about = entry.title ? pick(entry.about) : "";
    const captioned = { lang: null, direction: entry.caption_direction?.[language()] ?? null, words: pick(entry.caption) || say("untitled") };
    const named = entry.title ? { lang: entry.language, direction: entry.direction, words: entry.title } : captioned;
    const title = node("button", { type: "button", class: "title", "data-conversation": entry.id, onclick: () => open(entry.id) });
    title.append(...(about ? [node("span", { class: "about-image" }, `${about}: `)] : []), node("bdi", { lang: named.lang, dir: named.direction }, named.words));
    title.title = title.textContent;
    if (entry.id === room.conversation) title.setAttribute("aria-current", "true");
    const erase = node("button", { type: "button", class: "quiet icon-button erase", "aria-label": say("erase"), title: say("erase"), onclick: () => ask(entry.id) }, icon("trash-2"));
    return node("div", { class: "shelf-item" }, title, erase);
  }

  function question(entry) {
    const closeOnEscape = (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      ask("", entry.id);
    };
    return node(
      "div",
      { class: "shelf-question", role: "alertdialog", "aria-label": say("erase-question"), onkeydown: closeOnEscape },
      node("p", {}, say("erase-question")),
      node("button", { type: "button", class: "danger", onclick: () => erase(entry.id) }, say("erase-yes")),
      node("button", { type: "button", class: "quiet", onclick: () => ask("", entry.id) }, say("cancel")),
    );
  }

  function erase(id) {
    erasing = "";
    if (id === room.conversation) room.leave();
    part.trigger("erase", { id, current: room.conversation });
  }

  // Ask about erasing `id`, or about nothing any more and back to the bin of `from`.
  function ask(id, from = "") {
    erasing = id;
    draw();
    const bin = list.querySelector(`[data-conversation="${CSS.escape(from)}"] + .erase`);
    (id ? list.querySelector(".shelf-question .quiet") : bin)?.focus();
  }

  function draw() {
    search.placeholder = say("search-conversations");
    search.setAttribute("aria-label", say("search-conversations"));
    const { items = [] } = part.props.value || {};
    const now = JSON.stringify([items, room.conversation, erasing, language(), search.value === "", new Date().toDateString()]);
    if (now === drawn) return;
    drawn = now;
    const focused = document.activeElement?.closest?.(".shelf-item")?.querySelector("[data-conversation]")?.dataset.conversation;
    const groups = new Map();
    for (const entry of items) {
      const day = dayWords(new Date(entry.updated));
      groups.set(day, [...(groups.get(day) || []), entry]);
    }
    const lines = [...groups].flatMap(([day, entries]) => [
      node("h2", {}, day),
      ...entries.map((entry) => (entry.id === erasing ? question(entry) : item(entry))),
    ]);
    const empty = node("p", { class: "muted" }, say(search.value ? "search-nothing" : "shelf-empty"));
    list.replaceChildren(...(lines.length ? lines : [empty]));
    if (focused && list.isConnected) list.querySelector(`[data-conversation="${CSS.escape(focused)}"]`)?.focus();
  }

  room.drawShelf = draw;
  part.watch("value", () => {
    draw();
    const found = part.props.value?.search ?? "";
    if (found !== search.value) part.trigger("search", { text: search.value });
  });
  onSpeak(draw);
  draw();
}

function dayWords(when) {
  const midnight = new Date();
  midnight.setHours(0, 0, 0, 0);
  if (when >= midnight) return say("today");
  if (when >= midnight - DAY) return say("yesterday");
  const locale = language() === "ar" ? "ar-u-nu-latn" : "en-GB";
  return new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" }).format(when);
}
