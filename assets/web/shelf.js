// The shelf: earlier conversations by day, found by searching, reopened by a click, renamed, deleted and taken back.
import { node } from "./dom.js";
import { markCut, renaming, row, undone } from "./shelf-row.js";
import { both, language, onSpeak, say } from "./words.js";

const DAY = 86400000;

export function drawShelf(part, room) {
  const search = node("input", { type: "search", class: "search", id: "search-conversations", dir: "auto" });
  const list = node("nav", { class: "shelf-list" });
  part.element.firstElementChild.append(search, list);
  const pictures = new Map();
  const deleted = new Map(); // entries that can still be taken back, by identifier
  let named = null; // {id, text} of the conversation that is being renamed
  let timer = 0;
  let drawn = ""; // what the list shows now: while an answer grows nothing changes here, and clicks must arrive
  const refresh = () => part.trigger("search", { text: search.value });
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, 200);
  });

  function open(id) {
    room.openShelf(false);
    if (id !== room.conversation) room.open(id);
  }

  // The answer's JSON; null after saying why there is none.
  async function request(method, path, body = null, otherwise = "shelf-failed") {
    const headers = body ? { "content-type": "application/json" } : {};
    const answer = await fetch(`/api/conversations/${path}`, { method, headers, body: body && JSON.stringify(body) }).catch(() => null);
    if (answer?.ok) return answer.json();
    if (!answer) room.unreachable(true);
    else room.tell({ kind: "error", sentence: answer.status === 404 ? both(otherwise) : ((await answer.json().catch(() => null))?.sentence ?? both(otherwise)) });
    return null;
  }

  function rename(entry) {
    named = { id: entry.id, text: entry.written }; // what is shown holds signs that keep its order
    draw();
    list.querySelector(".shelf-question input")?.select();
  }

  async function saveName() {
    const { id, text } = named;
    if (!(await request("PATCH", id, { title: text }))) return; // what was typed is still there
    if (named?.id === id) endRenaming(id);
    refresh();
  }

  function endRenaming(id) {
    named = null;
    draw();
    list.querySelector(`[data-conversation="${CSS.escape(id)}"] + .rename`)?.focus();
  }

  async function erase(entry) {
    const left = entry.id === room.conversation;
    const done = await request("DELETE", entry.id);
    if (!done) return;
    const late = setTimeout(() => forget(entry.id), done.undo_seconds * 1000);
    deleted.set(entry.id, { ...entry, left, late });
    if (entry.id === room.conversation) room.leave();
    draw();
    list.querySelector(`[data-deleted="${CSS.escape(entry.id)}"] .undo`)?.focus();
    refresh();
  }

  function forget(id) {
    clearTimeout(deleted.get(id)?.late); // it may be deleted once more, with a time of its own
    deleted.delete(id);
    draw();
  }

  async function undo(entry) {
    const back = await request("POST", `${entry.id}/restore`, null, "undo-late");
    forget(entry.id);
    refresh();
    if (back && entry.left && !room.here.begun) room.open(entry.id); // it was open, and nothing else is
  }

  function line(entry) {
    if (deleted.has(entry.id)) {
      const made = undone(() => undo(deleted.get(entry.id)));
      made.dataset.deleted = entry.id;
      return made;
    }
    if (named?.id === entry.id) {
      return renaming(named.text, { typed: (text) => (named.text = text), save: saveName, cancel: () => endRenaming(entry.id) });
    }
    const current = entry.id === room.conversation;
    return row(entry, { current, pictures, open: () => open(entry.id), rename: () => rename(entry), erase: () => erase(entry) });
  }

  // What was just deleted keeps its place among what the server lists.
  function entries() {
    const listed = (part.props.value?.items ?? []).filter((entry) => !deleted.has(entry.id));
    return [...listed, ...deleted.values()].sort((one, other) => (search.value ? 0 : other.updated.localeCompare(one.updated)));
  }

  function draw() {
    search.placeholder = say("search-conversations");
    search.setAttribute("aria-label", say("search-conversations"));
    const items = entries();
    const now = JSON.stringify([items, room.conversation, named?.id, [...deleted.keys()], language(), search.value === "", new Date().toDateString()]);
    if (now === drawn) return;
    drawn = now;
    const focused = document.activeElement?.closest?.(".shelf-item")?.querySelector("[data-conversation]")?.dataset.conversation;
    const groups = new Map();
    for (const entry of items) {
      const day = search.value ? "" : dayWords(new Date(entry.updated)); // what is found stands in the order of finding
      groups.set(day, [...(groups.get(day) || []), entry]);
    }
    const lines = [...groups].flatMap(([day, entries]) => [...(day ? [node("h2", {}, day)] : []), ...entries.map(line)]);
    const empty = node("p", { class: "muted" }, say(search.value ? "search-nothing" : "shelf-empty"));
    list.replaceChildren(...(lines.length ? lines : [empty]));
    markCut(list);
    if (focused && list.isConnected) list.querySelector(`[data-conversation="${CSS.escape(focused)}"]`)?.focus();
  }

  new ResizeObserver(() => markCut(list)).observe(list);
  document.fonts.addEventListener("loadingdone", () => markCut(list));
  room.drawShelf = draw;
  part.watch("value", () => {
    draw();
    const found = part.props.value?.search ?? "";
    if (found !== search.value) refresh();
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
