// The reading room: gathers the parts Gradio mounts and lets them hear of each other. Draws nothing itself.
import { language, speak } from "./words.js";
import { drawChat, drawOpened } from "./chat.js";
import { drawComposer } from "./composer.js";
import { drawMasthead } from "./masthead.js";
import { drawNotice } from "./notice.js";
import { drawShelf } from "./shelf.js";
import { drawUpload } from "./upload.js";
import { drawFacts, drawReading } from "./reading.js";

const parts = {};
const room = {
  conversation: "",
  series: [],
  turns: [],
  answering: false,
  replaces: null,
  // What the parts offer each other; each is filled in by the part that can do it.
  view: () => null,
  picture: () => null,
  showSeries: () => {},
  addSeries: () => {},
  restoreView: () => {},
  activeSeries: () => null,
  tell: () => {},
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
  sent: "",
  modelChanged: () => {},
  model: null,
};

const drawers = {
  masthead: drawMasthead,
  conversations: drawShelf,
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
  if (!answer.ok) throw new Error(String(answer.status));
  const { id } = await answer.json();
  room.conversation = room.requested = id;
  room.conversationNamed(id);
  setAddress(id);
  return id;
}

function setAnswering(on) {
  room.answering = on;
  document.documentElement.dataset.answering = on ? "yes" : "no";
}

async function begin(question) {
  if (!question.trim()) return [question, room.conversation, null];
  const view = room.view();
  const replaces = room.replaces;
  try {
    const conversation = await room.ensureConversation();
    setAnswering(true);
    room.sent = question;
    return [question, conversation, { view, replaces, language: language() }];
  } catch {
    room.unreachable(true);
    return ["", "", null];
  }
}

window.basira = {
  address,
  language,
  speak,
  conversation: () => room.conversation,
  leave: () => room.leave(),
  asked: (question) => begin(question),
  askedAgain() {
    room.replaces = null;
    if (room.turns.length) setAnswering(true);
    return [room.conversation, { language: language() }];
  },
  // Gradio's event is over, however it ended: if the page still waits, ask the server how things stand.
  settled() {
    if (room.answering && room.requested === room.conversation) room.open(room.conversation);
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
  if (shown.began) room.emptied(room.sent);
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
  if (other) room.conversationChanged();
  room.drawShelf();
  return true;
};

function restore(shown) {
  const seen = shown.turns.flatMap((turn) => turn.pictures).at(-1);
  if (seen?.view && shown.series.some((series) => series.id === seen.view.series)) room.restoreView(seen.view);
}

window.addEventListener("popstate", () => room.open(address()));

window.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.documentElement.dataset.shelf === "open") {
    document.documentElement.dataset.shelf = "closed";
  }
});

let lastModel = "";
async function watchModel() {
  let wait = 1000;
  try {
    const answer = await fetch("/api/model");
    if (!answer.ok) throw new Error(String(answer.status));
    room.model = await answer.json();
    room.unreachable?.(false);
    if (room.model.state !== "loading") wait = 15000;
  } catch {
    room.unreachable?.(true);
    wait = 3000;
  }
  const now = JSON.stringify(room.model);
  if (now !== lastModel) room.modelChanged();
  lastModel = now;
  setTimeout(watchModel, wait);
}

for (const part of window.basiraParts || []) arrived(part);
window.basiraArrived = arrived;
window.basiraIsReady(window.basira);
watchModel();
