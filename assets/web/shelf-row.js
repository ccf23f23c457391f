// One row of the shelf: what it looks like, being renamed, deleted a moment ago. Knows an entry and what to call.
import { icon, node } from "./dom.js";
import { language, pick, say } from "./words.js";

const LONGEST = 24; // characters that are kept on one line together: a measurement with its unit, a date, a word

// A row never ends within a number or a word: each is kept whole, and what is isolated together, like "3-5 mm", as one.
export function unbroken(text) {
  const parts = text.match(/\u2066[^\u2069]*\u2069|[^\s\u2066]+|\s+/gu) ?? [];
  return parts.flatMap((part) => {
    if (/^\s/.test(part)) return [part];
    if (part.length <= LONGEST) return [node("span", { class: "unbroken" }, part)];
    return part.startsWith("\u2066") ? ["\u2066", ...unbroken(part.slice(1, -1)), "\u2069"] : [part];
  });
}

const clock = (when) =>
  new Intl.DateTimeFormat(language() === "ar" ? "ar-u-nu-latn" : "en-GB", { hour: "2-digit", minute: "2-digit", hour12: false }).format(when);

// What it is called: by its reader or its first question, else by its images; each in its own direction.
function name(entry) {
  if (entry.title) return node("bdi", { class: "name", lang: entry.language, dir: entry.direction }, ...unbroken(entry.title));
  const words = pick(entry.caption) || say("untitled");
  return node("bdi", { class: "name", dir: entry.caption_direction?.[language()] ?? null }, ...unbroken(words));
}

// `pictures`: elements by address, kept from one drawing to the next so that nothing is fetched or flickers again.
function picture(entry, pictures) {
  if (!entry.picture) return node("span", { class: "shelf-picture" }, icon("image"));
  if (!pictures.has(entry.picture)) {
    const made = node("img", { class: "shelf-picture", src: entry.picture, alt: "", loading: "lazy", width: "40", height: "40" });
    pictures.set(entry.picture, made);
    made.addEventListener("error", () => {
      const none = node("span", { class: "shelf-picture" }, icon("image"));
      pictures.set(entry.picture, none);
      made.replaceWith(none);
    });
  }
  return pictures.get(entry.picture);
}

// The sentence a search found: pieces of it, [words, whether they are what was looked for].
function sentence({ pieces, direction, language: spoken }) {
  return node("bdi", { class: "found", dir: direction, lang: spoken }, ...pieces.map(([words, looked]) => (looked ? node("mark", {}, words) : words)));
}

// A line that hides some of its words ends in a sign. Measured, for only one engine could say it in its style sheet.
export function markCut(list) {
  const lines = [...list.querySelectorAll(".lines > :is(.name, .about-image)")];
  for (const line of lines) line.classList.remove("cut");
  const cut = lines.filter((line) => line.scrollHeight > line.clientHeight + 1);
  for (const line of cut) line.classList.add("cut");
}

export function row(entry, { current, pictures, open, rename, erase }) {
  const facts = entry.title ? pick(entry.about) : "";
  const second = node("span", { class: "about-image" }, ...(facts ? [node("bdi", {}, ...unbroken(facts)), " · "] : []), node("bdi", { dir: "ltr" }, clock(new Date(entry.updated))));
  const title = node(
    "button",
    { type: "button", class: "title", "data-conversation": entry.id, "aria-current": current ? "true" : null, onclick: open },
    picture(entry, pictures),
    node("span", { class: "lines" }, name(entry), second, ...(entry.found ? [sentence(entry.found)] : [])),
  );
  title.title = [...title.querySelectorAll(".name, .about-image")].map((line) => line.textContent).join("\n");
  const action = (key, drawn, act) =>
    node("button", { type: "button", class: `quiet icon-button ${key}`, "aria-label": say(key), title: say(key), onclick: act }, icon(drawn));
  return node("div", { class: "shelf-item" }, title, action("rename", "pencil", rename), action("erase", "trash-2", erase));
}

// `text`: what has been typed so far; `typed` hears of every change, `save` and `cancel` end it.
export function renaming(text, { typed, save, cancel }) {
  const input = node("input", { class: "search", dir: "auto", maxlength: "200", "aria-label": say("rename-label"), value: text, oninput: (event) => typed(event.target.value) });
  const form = node(
    "form",
    { class: "shelf-question" },
    input,
    node("button", { type: "submit", class: "ghost" }, say("rename-save")),
    node("button", { type: "button", class: "quiet", onclick: cancel }, say("cancel")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (input.value.trim()) save();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    cancel();
  });
  return form;
}

export function undone(undo) {
  return node(
    "div",
    { class: "shelf-question", role: "status" },
    node("p", {}, say("erase-undone")),
    node("button", { type: "button", class: "ghost undo", onclick: undo }, say("undo")),
  );
}
