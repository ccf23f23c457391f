// The reading room: gathers the parts Gradio mounts and lets them hear of each other. Draws nothing itself.
import { prepareAsking } from "./asking.js";
import { drawBurned } from "./burned.js";
import { drawChat, drawOpened } from "./chat.js";
import { drawComposer } from "./composer.js";
import { keepFocus } from "./focus.js";
import { drawMasthead } from "./masthead.js";
import { drawNotice } from "./notice.js";
import { keepPlace } from "./places.js";
import { drawFacts, drawReading } from "./reading.js";
import { watchWriting } from "./preview.js";
import { drawShelf } from "./shelf.js";
import { prepareShelf } from "./shelf-door.js";
import { drawUpload } from "./upload.js";
import { watchServer } from "./watch.js";
import { language, onSpeak, say, speak } from "./words.js";

const parts = {};
const room = {
  series: [],
  turns: [],
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
  taken: () => {},
  takenElsewhere: () => {},
  receive: () => {},
  drawShelf: () => {},
  drawTurns: () => {},
  placeLeft: () => {},
  placeNamed: () => {},
  viewChanged: () => {},
  seriesChanged: () => {},
  modelChanged: () => {},
  asking: 0, // questions of this very tab that Gradio is still busy with
  model: null,
};

const drawers = {
  masthead: drawMasthead,
  conversations: (part) => {
    drawShelf(part, room);
    keepFocus(part.element);
  },
  viewer: drawReading,
  burned: drawBurned,
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

const places = keepPlace({
  moved(left) {
    room.openShelf(false);
    empty();
    room.placeLeft(left);
    room.drawNotices();
    room.drawShelf();
  },
  named: (place) => room.placeNamed(place),
});
const watch = watchServer(room, places);
const asking = prepareAsking(room, places, watch);
prepareShelf(room);
watchWriting();

Object.defineProperties(room, {
  here: { get: () => places.here },
  conversation: { get: () => places.here.id },
  answering: { get: () => places.here.answering },
  lost: { get: () => watch.lost },
});

// Nothing of the place just left stays on the page: whatever is done now is done where the reader is.
function empty() {
  const { here } = places;
  room.turns = [];
  room.series = [];
  document.documentElement.dataset.opening = here.opened ? "no" : "yes";
  document.documentElement.dataset.turns = "no";
  room.setAnswering(here.answering);
  room.showSeries([], { reopened: true });
  room.drawTurns();
}

room.nameOf = (place) => places.name(place);
room.leave = () => (places.here.begun ? places.go("") : room.openShelf(false));
room.open = (id) => {
  places.go(id);
  room.reopen();
};
room.reopen = () => parts.conversations.trigger("open", { id: places.here.id });
window.addEventListener("popstate", () => places.address() !== places.here.id && room.open(places.address()));

// What the server says of a conversation; false when it is of another one than the reader is in.
room.shown = (shown) => {
  if (shown.began) taken(shown);
  if ((shown.opened ? shown.requested : shown.conversation) !== places.here.id) return false;
  if (shown.conversation !== places.here.id) places.go(shown.conversation); // there is no such conversation any more
  const { here } = places;
  const first = !here.opened;
  room.turns = shown.turns;
  if (!shown.turns.some((turn) => turn.id === here.replaces)) here.replaces = null;
  if (shown.opened) followedAt = NEVER;
  room.setAnswering(shown.answering);
  document.documentElement.dataset.turns = shown.turns.length ? "yes" : "no";
  if (first) here.open();
  document.documentElement.dataset.opening = "no";
  showSeries(shown, first);
  room.drawShelf();
  return true;
};

// A question has been stored: what stands in the box, or is kept for another place, is no draft any more.
function taken({ began, conversation, turns }) {
  const { here } = places;
  const question = turns.at(-1).question.text;
  if (conversation !== here.id) return room.takenElsewhere(conversation, question);
  if (began === here.began) return;
  here.began = began;
  room.taken(here.sent || question); // sent before a reload, it came back as a draft
  room.forgive();
}

// A conversation's series only become more: what arrives may still say how things stood when its answer began.
function showSeries(shown, first) {
  const sent = new Set(shown.series.map((series) => series.id));
  const all = [...shown.series, ...room.series.filter((series) => !sent.has(series.id))];
  const same = all.map((series) => series.id).join() === room.series.map((series) => series.id).join();
  if (same && !first) return;
  const fresh = first && !room.series.length; // else files have come meanwhile, and one of them is being looked at
  room.series = all;
  room.showSeries(all, { reopened: fresh });
  const seen = shown.turns.flatMap((turn) => turn.pictures).at(-1);
  if (fresh && seen?.view && sent.has(seen.view.series)) room.restoreView(seen.view);
}

// An answer that grows and was asked for in another tab, or in this one before it was reloaded: see how far it is. And
// what was to be opened and has not come.
const NEVER = -Infinity; // 0 is when the page was loaded
let followedAt = NEVER;
room.follow = () => {
  const { here } = places;
  if (here.opened && (!here.answering || room.asking)) return;
  if (performance.now() - Math.max(followedAt, here.since) < 5000) return; // what was asked for last is still on its way
  followedAt = performance.now();
  if (!here.opened) return room.reopen(); // it has been lost on its way
  parts.conversations.trigger("open", { id: places.here.id, following: true });
};

const nameLanguages = () => document.querySelector("#language [role=radiogroup], #language fieldset, #language")?.setAttribute("aria-label", say("language-label"));
onSpeak(nameLanguages);

// The language Gradio holds after a change of its own; ours, chosen by the reader, is the one that counts.
function spoken(theirs) {
  if (theirs !== language()) document.querySelector(`#language input[value=${language()}]`)?.click();
  return language();
}

window.basira = { address: () => places.here.id, language, spoken, ...asking };
window.basiraActs.on("speak", speak);
window.basiraActs.on("leave", room.leave);
document.documentElement.dataset.opening = places.here.opened ? "no" : "yes";
for (const part of window.basiraParts || []) arrived(part);
window.basiraArrived = arrived;
window.basiraIsReady(window.basira);
nameLanguages();
watch.look();
