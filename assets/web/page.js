// The reading room: gathers the parts Gradio mounts and lets them hear of each other. Draws nothing itself.
import { both, language, onSpeak, say, speak } from "./words.js";
import { drawChat, drawOpened } from "./chat.js";
import { drawComposer } from "./composer.js";
import { drawMasthead } from "./masthead.js";
import { drawNotice } from "./notice.js";
import { drawShelf } from "./shelf.js";
import { drawUpload } from "./upload.js";
import { drawFacts, drawReading } from "./reading.js";
import { keepFocus } from "./focus.js";
import { guardStop } from "./stop.js";
import { watchWriting } from "./preview.js";

const parts = {};
const room = {
  conversation: "",
  series: [],
  turns: [],
  answering: false,
  lost: false, // the server did not answer when it was asked last
  replaces: null,
  // What the parts offer each other; each is filled in by the part that can do it.
  view: () => null,
  caption: () => null,
  picture: () => null,
  showSeries: () => {},
  addSeries: () => {},
  early: () => false,
  restoreView: () => {},
  activeSeries: () => null,
  tell: () => {},
  drawNotices: () => {},
  chooseFiles: () => {},
  takeSample: () => {},
  fill: () => {},
  emptied: () => {},
  receive: () => {},
  drawShelf: () => {},
  conversationChanged: () => {},
  conversationNamed: () => {},
  viewChanged: () => {},
  seriesChanged: () => {},
  requested: "", // what the reader asked to open last; a slower answer about something else is not drawn
  starting: null,
  sent: "", // the question on its way, and the turn it became
  began: "",
  asking: 0, // questions of this very tab that Gradio is still busy with
  modelChanged: () => {},
  model: null,
};

const drawers = {
  masthead: drawMasthead,
  conversations: (part) => {
    drawShelf(part, room);
    keepFocus(part.element);
  },
  viewer: drawReading,
  upload: drawUpload,
  facts: drawFacts,
  chat: drawChat,
  opened: drawOpened,
  notice: drawNotice,
  seen: (part) => drawComposer(part, room, "seen"),
  suggestions: (part) => drawComposer(part, room, "suggestions"),
};

function arrived(part) {
  if (!(part.name in drawers) || parts[part.name]?.element.isConnected) return;
  parts[part.name] = part;
  drawers[part.name](part, room);
}

export function setAddress(conversation) {
  const hash = conversation ? `#/c/${conversation}` : "";
  if (hash !== location.hash) history.pushState(null, "", hash || location.pathname);
}

function address() {
  const match = location.hash.match(/^#\/c\/([0-9a-f-]{8,64})$/);
  return match ? match[1] : "";
}

room.requested = address();
room.leave = () => {
  openShelf(false);
  setAnswering(false);
  return (room.requested = "");
};
room.open = (id) => {
  room.requested = id;
  parts.conversations.trigger("open", { id });
};

// The conversation everything goes into: the open one, or a new one the server makes on first need.
room.ensureConversation = () => {
  if (room.conversation) return Promise.resolve(room.conversation);
  room.starting ??= start().finally(() => (room.starting = null));
  return room.starting;
};

async function start() {
  const answer = await fetch(`/api/conversations?language=${language()}`, { method: "POST" });
  const { id, sentence } = await answer.json().catch(() => ({}));
  if (!answer.ok || !id) throw Object.assign(new Error(String(answer.status)), { sentence });
  room.conversation = room.requested = id;
  room.conversationNamed(id);
  setAddress(id);
  return id;
}

let answeringSince = 0;
watchWriting();
guardStop(() => answeringSince);

function setAnswering(on) {
  const changed = on !== room.answering;
  if (on && changed) answeringSince = performance.now();
  room.answering = on;
  document.documentElement.dataset.answering = on ? "yes" : "no";
  if (changed) lookLater();
}

const NOTHING_ASKED = { held: true }; // the page has already said why; what is typed stays

let beginning = false;

async function begin(question) {
  if (beginning) return ["", room.conversation, NOTHING_ASKED]; // a double click, faster than a conversation is made
  if ((room.answering || room.lost) && !(await look())) {
    room.unreachable(true); // said again, should it have been closed
    return ["", room.conversation, NOTHING_ASKED];
  }
  if (room.answering) {
    room.tell({ kind: "error", sentence: both("error-still-answering") });
    return ["", room.conversation, NOTHING_ASKED];
  }
  if (!question.trim()) return [question, room.conversation, null];
  if (room.early()) { // on the screen, but not in the record: the model would see nothing
    room.tell({ kind: "error", sentence: both("error-image-underway") });
    return ["", room.conversation, NOTHING_ASKED];
  }
  const view = room.view();
  const replaces = room.replaces;
  beginning = true;
  try {
    const conversation = await room.ensureConversation();
    setAnswering(true);
    look(); // what Gradio sends now is lost without a word if nobody is there
    room.sent = question;
    return [question, conversation, { view, replaces, language: language() }];
  } catch (error) {
    if (error.sentence) room.tell({ kind: "error", sentence: error.sentence });
    else room.unreachable(true);
    return ["", "", NOTHING_ASKED];
  } finally {
    beginning = false;
  }
}

window.basira = {
  address,
  language,
  speak,
  conversation: () => room.conversation,
  leave: () => room.leave(),
  asked(question) {
    room.asking += 1;
    return begin(question);
  },
  askedAgain() {
    room.replaces = null;
    room.asking += 1;
    if (room.turns.length) setAnswering(true);
    return [room.conversation, { language: language() }];
  },
  // Gradio's event is over, however it ended: if the page still waits, ask the server how things stand.
  settled() {
    room.asking -= 1;
    if (!room.asking && room.answering && room.requested === room.conversation) room.open(room.conversation);
    return [];
  },
};

// What the server says of a conversation; false when it is of another one than the reader has open.
room.shown = (shown) => {
  if ((shown.opened ? shown.requested : shown.conversation) !== room.requested) return false;
  const other = shown.conversation !== room.conversation;
  room.conversation = room.requested = shown.conversation;
  room.turns = shown.turns;
  if (other || !shown.turns.some((turn) => turn.id === room.replaces)) room.replaces = null;
  if (shown.opened) followedAt = NEVER;
  setAnswering(shown.answering);
  document.documentElement.dataset.turns = shown.turns.length ? "yes" : "no";
  setAddress(shown.conversation);
  const known = room.series.map((series) => series.id).join();
  const sent = shown.series.map((series) => series.id).join();
  if (other || known !== sent) {
    room.series = shown.series;
    room.showSeries(shown.series, { reopened: other });
    if (other) restore(shown);
  }
  if (other) {
    room.conversationChanged();
    room.drawNotices();
  }
  if (shown.began && shown.began !== room.began) {
    room.began = shown.began;
    room.emptied(room.sent || shown.turns.at(-1).question.text); // sent before a reload, it came back as a draft
    room.forgive();
  }
  room.drawShelf();
  return true;
};

// An answer that grows and was asked for in another tab, or in this one before it was reloaded: see how far it is.
const NEVER = -Infinity; // 0 is when the page was loaded
let followedAt = NEVER;
function follow() {
  if (!room.answering || room.asking || room.requested !== room.conversation) return;
  if (performance.now() - followedAt < 5000) return; // what was asked for last is still on its way
  followedAt = performance.now();
  parts.conversations.trigger("open", { id: room.conversation, following: true });
}

function restore(shown) {
  const seen = shown.turns.flatMap((turn) => turn.pictures).at(-1);
  if (seen?.view && shown.series.some((series) => series.id === seen.view.series)) room.restoreView(seen.view);
}

window.addEventListener("popstate", () => room.open(address()));

// Asking while the server is gone: Gradio, whose stream broke, would not even run our `asked`.
function askInVain(event) {
  if (!room.lost) return;
  event.preventDefault();
  event.stopPropagation();
  room.unreachable(true);
}
window.addEventListener("click", (event) => event.target.closest?.("#send") && askInVain(event), true);
window.addEventListener(
  "keydown",
  (event) => event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target.closest?.("#question") && askInVain(event),
  true,
);

// The shelf on small screens: over the room, until something is chosen or the reader taps beside it.
function openShelf(open) {
  const was = document.documentElement.dataset.shelf === "open";
  document.documentElement.dataset.shelf = open ? "open" : "closed";
  const button = document.querySelector(".shelf-button");
  button?.setAttribute("aria-expanded", String(open));
  if (was && !open) button?.focus();
}
room.openShelf = openShelf;
const beside = document.createElement("div");
beside.className = "shelf-backdrop";
beside.addEventListener("click", () => openShelf(false));
document.body.append(beside);

window.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented && document.documentElement.dataset.shelf === "open") openShelf(false);
});

const nameLanguages = () => document.querySelector("#language [role=radiogroup], #language fieldset, #language")?.setAttribute("aria-label", say("language-label"));
onSpeak(nameLanguages);

// Is the server there, how is the model, how far is the answer? Looked at again and again, sooner during an answer.
let looking = null;
let nextLook = 0;
const PATIENCE = 10000; // ms without a word after which a server counts as gone

function pause() {
  if (room.answering) return room.asking ? 1500 : 700;
  if (room.lost) return 2000;
  return room.model?.state === "loading" ? 1000 : 15000;
}

function lookLater() {
  clearTimeout(nextLook);
  nextLook = setTimeout(look, pause());
}

function look() {
  looking ??= lookOnce().finally(() => {
    looking = null;
    lookLater();
  });
  return looking;
}

async function lookOnce() {
  try {
    const answer = await fetch("/api/model", { signal: AbortSignal.timeout(PATIENCE) });
    if (!answer.ok) throw new Error(String(answer.status));
    room.model = await answer.json();
    found();
  } catch {
    missing();
  }
  const now = JSON.stringify(room.model);
  if (now !== lastModel) room.modelChanged();
  lastModel = now;
  return !room.lost;
}
let lastModel = "";

function found() {
  room.unreachable?.(false);
  const back = room.lost;
  room.lost = false;
  if (back) room.open(room.requested); // the answer may have gone on without us
  else follow();
}

// What is being written can neither be seen nor stopped from here: the page must not say otherwise.
function missing() {
  if (room.lost || !room.unreachable) return; // said once: a reader who closed it knows, and is told again on asking
  room.lost = true;
  room.unreachable(true);
  setAnswering(false);
  room.drawTurns?.();
}

for (const part of window.basiraParts || []) arrived(part);
window.basiraArrived = arrived;
window.basiraIsReady(window.basira);
nameLanguages();
look();
