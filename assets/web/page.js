// The reading room: gathers the parts Gradio mounts and lets them hear of each other. Draws nothing itself.
import { language, speak } from "./words.js";
import { drawChat } from "./chat.js";
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
  viewChanged: () => {},
  seriesChanged: () => {},
  shown: () => {},
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

function began() {
  room.answering = true;
  document.documentElement.dataset.answering = "yes";
}

window.basira = {
  address,
  language,
  speak,
  conversation: () => room.conversation,
  leave() {
    room.replaces = null;
    return [];
  },
  asked(question) {
    if (question.trim()) began();
    const asked = { view: room.view(), replaces: room.replaces, language: language() };
    room.replaces = null;
    return [question, room.conversation, asked];
  },
  // Gradio's event is over, however it ended.
  settled() {
    if (room.answering) room.shown({ ...room, answering: false });
    room.drawChat?.();
    return [];
  },
  askedAgain() {
    if (room.turns.length) began();
    return [room.conversation, { language: language() }];
  },
};

// The conversation on the page changed, as the server says.
room.shown = (shown) => {
  const other = shown.conversation !== room.conversation;
  room.conversation = shown.conversation;
  room.turns = shown.turns;
  room.answering = shown.answering;
  document.documentElement.dataset.answering = shown.answering ? "yes" : "no";
  document.documentElement.dataset.turns = shown.turns.length ? "yes" : "no";
  setAddress(shown.conversation);
  const known = room.series.map((series) => series.id).join();
  const sent = shown.series.map((series) => series.id).join();
  if (other || (known !== sent && shown.series.length >= room.series.length)) {
    room.series = shown.series;
    room.showSeries(shown.series, { reopened: other });
    if (other) restore(shown);
  }
};

function restore(shown) {
  const seen = shown.turns.flatMap((turn) => turn.pictures).at(-1);
  if (seen?.view && shown.series.some((series) => series.id === seen.view.series)) room.restoreView(seen.view);
}

window.addEventListener("popstate", () => parts.conversations?.trigger("open", { id: address() }));

window.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.documentElement.dataset.shelf === "open") {
    document.documentElement.dataset.shelf = "closed";
  }
});

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
  room.modelChanged();
  setTimeout(watchModel, wait);
}

for (const part of window.basiraParts || []) arrived(part);
window.basiraArrived = arrived;
window.basiraIsReady(window.basira);
watchModel();
