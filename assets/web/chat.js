// The conversation: questions as cards, answers as text, one quiet line under each. Answers arrive as HTML that
// the server made safe; everything else goes in as text.
import { icon, node } from "./dom.js";
import { drawRating } from "./rating.js";
import { copy } from "./copying.js";
import { drawResizer } from "./resize.js";
import { turnable } from "./turning.js";
import { actSlot, greet } from "./welcome.js";
import { onSpeak, pick, say } from "./words.js";

export function drawChat(part, room) {
  const log = node("div", { class: "log", role: "log", "aria-live": "polite" });
  const greeting = node("div", { class: "greeting" });
  const scroller = node("div", { class: "scroller", role: "region", tabindex: "0" }, greeting, log);
  part.element.firstElementChild.append(drawResizer(), scroller);
  const drawn = new Map();
  let follow = true; // the reader is at the end and stays there, also when a notice below takes room away
  const toEnd = () => (scroller.scrollTop = scroller.scrollHeight);
  let height = 0;
  scroller.addEventListener("scroll", () => {
    if (scroller.clientHeight !== height) return; // the room changed, not the reader's place in it
    follow = scroller.scrollHeight - scroller.scrollTop - height < 80;
  });
  const sizes = new ResizeObserver((changed) => {
    height = scroller.clientHeight;
    // A picture arrived, words wrapped anew: the end moved without a new turn. Not when a form was opened in between.
    const theirs = log.contains(document.activeElement) && !changed.some((entry) => entry.target === scroller);
    if (follow && room.turns.length && !theirs) toEnd();
  });
  sizes.observe(scroller);
  sizes.observe(log);

  function draw() {
    const { turns } = room;
    const grew = turns.length > drawn.size;
    const ids = new Set(turns.map((turn) => turn.id));
    for (const [id, kept] of drawn) {
      if (!ids.has(id)) {
        kept.element.remove();
        drawn.delete(id);
      }
    }
    log.setAttribute("aria-busy", String(room.answering)); // read out once, when it is whole
    turns.forEach((turn, index) => drawOne(turn, index === turns.length - 1));
    greeting.hidden = turns.length > 0;
    if (!turns.length) scroller.scrollTop = 0; // a welcome is read from its beginning
    else if (follow || grew) toEnd();
    scroller.setAttribute("aria-label", say("chat-label"));
  }

  function drawOne(turn, last) {
    let kept = drawn.get(turn.id);
    if (!kept) {
      kept = frame(turn);
      drawn.set(turn.id, kept);
      log.append(kept.element);
    }
    kept.update(turn, last && room.answering && !room.lost, last);
  }

  function frame(turn) {
    const speaker = node("span");
    const text = node("div", { class: "question-text" });
    const pictures = node("div", { class: "question-pictures" });
    const thinking = node("p", { class: "thinking" });
    const answer = node("div", { class: "answer-text" });
    const ended = node("p", { class: "ended" });
    const about = node("footer", { class: "about" });
    const below = node("div", { class: "below" });
    const way = turnable(turn.id, { question: text, answer });
    const you = node("header", {}, speaker, way.button);
    const element = node(
      "article",
      { class: "turn", "data-turn": turn.id },
      node("section", { class: "question-card" }, you, text, pictures),
      node("section", { class: "answer" }, thinking, answer, ended, about, below),
    );
    const drawnOnce = { question: null, answer: null, about: null };
    let current = turn; // every update brings a new object; a button drawn once acts on the newest

    function update(now, live, last) {
      current = now;
      if (live) below.replaceChildren();
      element.dataset.status = live ? "running" : now.status;
      speaker.textContent = say("you");
      way.label();
      if (drawnOnce.question !== now.question.html) {
        text.innerHTML = now.question.html;
        text.lang = now.question.language;
        element.setAttribute("aria-label", now.question.text.slice(0, 120));
        drawnOnce.question = now.question.html;
        way.again("question");
      }
      const words = now.pictures.map((picture) => pick(picture.words)).join();
      if (pictures.dataset.words !== words) {
        pictures.dataset.words = words;
        pictures.replaceChildren(...now.pictures.map((picture) => thumbnail(picture, room)));
      }
      const stage = `${live} ${now.status} ${now.answer.text}`; // what the reader saw grow does not turn around later
      if (drawnOnce.answer !== stage) {
        answer.innerHTML = now.answer.html;
        answer.lang = now.answer.language;
        drawnOnce.answer = stage;
        if (!live) way.again("answer");
      }
      const empty = live && !now.answer.text;
      thinking.hidden = !empty;
      thinking.textContent = pick(now.wait) || say(now.thinking ? "thinking" : "reading-question");
      const sentences = live ? [] : [now.sentence, now.left_out].filter(Boolean).map(pick);
      if (!live && now.status === "running") sentences.push(say("answer-out-of-sight"));
      ended.hidden = !sentences.length;
      ended.textContent = sentences.join(" ");
      about.hidden = live;
      if (!live) drawAbout(now, last);
    }

    function drawAbout(now, last) {
      const key = JSON.stringify([document.documentElement.lang, now.status, now.rating, last, now.answer.text.length]);
      if (drawnOnce.about === key) return;
      drawnOnce.about = key;
      const actions = [
        node("span", { class: "model-line" }, pick(now.model)),
        now.pictures.length ? action("what-the-model-saw", () => saw(current, below)) : null,
        action("copy", (event) => copy(current.answer.text, answer, event.currentTarget)),
        action("turn-answer", () => way.turn("answer"), "turn-action"),
        last ? action("edit-question", () => edit(current)) : null,
        action(now.rating ? "rated" : "rate", () => toggle(below, "rating", () => drawRating(current, room, below)), "rate-action"),
      ];
      about.replaceChildren(...actions.filter(Boolean));
      below.firstElementChild?.speakAgain?.();
    }

    return { element, update };
  }

  function edit(turn) {
    const view = turn.pictures.at(-1)?.view;
    if (view) room.restoreView(view);
    room.edit(turn.question.text, turn.id);
  }

  room.drawTurns = draw;
  // A rating was kept. While another answer grows, what arrives still says how things stood when that one began.
  const rated = new Map();
  room.rated = (id, rating) => {
    rated.set(id, rating);
    putRatings();
    draw();
  };
  function putRatings() {
    for (const turn of room.turns) if (rated.has(turn.id)) turn.rating = rated.get(turn.id);
    if (!room.answering) rated.clear();
  }

  room.receive = (value) => {
    if (!value || !room.shown(value)) return;
    putRatings();
    draw();
    room.viewChanged();
  };
  part.watch("value", () => room.receive(part.props.value));
  const slot = actSlot(room);
  room.drawWelcome = () => { // it names the model as what it is
    greeting.replaceChildren(greet(room, slot));
    room.drawAct();
  };
  onSpeak(() => {
    draw();
    room.drawWelcome();
  });
  draw();
  room.drawWelcome();
}

function action(key, act, extra = "") {
  return node("button", { type: "button", class: `link ${extra}`, onclick: act }, say(key));
}

function toggle(below, kind, draw) {
  if (below.dataset.kind === kind && below.childElementCount) {
    below.replaceChildren();
    below.dataset.kind = "";
    return;
  }
  below.dataset.kind = kind;
  below.replaceChildren(draw());
  below.scrollIntoView({ block: "nearest" });
}

// The very pixels the model was given, with what they are.
function saw(turn, below) {
  toggle(below, "saw", () => {
    const panel = node("div", { class: "saw" });
    panel.speakAgain = () =>
      panel.replaceChildren(
        ...(turn.told ? [told(turn.told)] : []),
        ...turn.pictures.map((picture) =>
          node("figure", {}, node("img", { src: picture.src, alt: say("what-the-model-saw") }), node("figcaption", {}, pick(picture.words))),
        ),
      );
    panel.speakAgain();
    return panel;
  });
}

function told(html) {
  const words = node("div", { class: "told ordered" });
  words.innerHTML = html; // the server made it safe
  return words;
}

function thumbnail(picture, room) {
  const show = node("button", { type: "button", class: "thumbnail", title: say("show-this-view"), onclick: () => room.restoreView(picture.view) }, node("img", { src: picture.src, alt: "" }));
  return node("div", { class: "question-picture" }, show, node("span", {}, pick(picture.words)));
}

// What the reader asked to open arrives apart from the answers that grow.
export function drawOpened(part, room) {
  part.watch("value", () => room.receive(part.props.value));
}
