// A reader's judgement of one answer: thumb, reasons with stable codes, a comment; half of one is kept until it is
// sent. Knows one turn and its route.
import { icon, node } from "./dom.js";
import { drafts } from "./drafts.js";
import { both, say } from "./words.js";

const REASONS = JSON.parse(document.getElementById("basira-reasons").textContent); // by thumb, see storage/ratings.py
const NOTHING = { thumb: null, reasons: [], comment: "" };
const half = drafts("basira-ratings");

export function drawRating(turn, room, below) {
  const start = half.of(turn.id) ?? turn.rating ?? NOTHING;
  const rating = { thumb: start.thumb, reasons: new Set(start.reasons) };
  const form = node("form", { class: "rating" });
  const thumbs = node("div", { class: "thumbs", role: "group" });
  const reasons = node("div", { class: "reasons", role: "group" });
  const comment = node("textarea", { rows: "2", maxlength: "5000", oninput: () => changed() });
  comment.value = start.comment;
  const save = node("button", { type: "submit", class: "ghost" });

  function thumb(side) {
    const pressed = rating.thumb === side;
    return node(
      "button",
      { type: "button", class: "thumb", "data-thumb": side, "aria-pressed": String(pressed), onclick: () => choose(side) },
      icon(side === "up" ? "thumbs-up" : "thumbs-down"),
      node("span", {}, say(`thumb-${side}`)),
    );
  }

  function reason(code) {
    const pressed = rating.reasons.has(code);
    const flip = () => {
      if (pressed) rating.reasons.delete(code);
      else rating.reasons.add(code);
      changed();
      reasons.querySelector(`[data-reason=${code}]`)?.focus();
    };
    return node("button", { type: "button", class: "reason", "data-reason": code, "aria-pressed": String(pressed), onclick: flip }, say(`reason-${code}`));
  }

  function choose(side) {
    if (rating.thumb !== side) rating.reasons.clear();
    rating.thumb = rating.thumb === side ? null : side;
    changed();
    thumbs.querySelector(`[data-thumb=${side}]`)?.focus();
  }

  const chosen = () => ({ thumb: rating.thumb, reasons: [...rating.reasons], comment: comment.value });
  // What goes to the record: without a thumb nothing else counts, and a rating that was kept is taken back.
  const judgement = () => (rating.thumb ? chosen() : NOTHING);

  function changed() {
    if (!rating.thumb) rating.reasons.clear();
    half.put(turn.id, chosen());
    draw();
  }

  function draw() {
    thumbs.setAttribute("aria-label", say("rate"));
    reasons.setAttribute("aria-label", say("rating-reasons"));
    comment.placeholder = say("rating-comment");
    comment.setAttribute("aria-label", say("rating-comment"));
    const back = !rating.thumb && Boolean(turn.rating);
    save.textContent = say(back ? "rating-take-back" : "rating-save");
    thumbs.replaceChildren(thumb("up"), thumb("down"));
    reasons.replaceChildren(...(rating.thumb ? REASONS[rating.thumb].map(reason) : []));
    save.disabled = !rating.thumb && !back;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    save.disabled = true;
    const kept = judgement();
    try {
      const headers = { "content-type": "application/json" };
      const answer = await fetch(`/api/turns/${turn.id}/rating`, { method: "POST", headers, body: JSON.stringify(kept) });
      if (!answer.ok) {
        const refusal = await answer.json().catch(() => null);
        room.tell({ kind: "error", sentence: refusal?.sentence ?? both("rating-failed") });
        return;
      }
      half.put(turn.id, null);
      const line = node("p", { class: "kept", role: "status" });
      line.speakAgain = () => line.replaceChildren(icon("check"), say(kept.thumb ? "rating-kept" : "rating-taken-back"));
      line.speakAgain();
      below.replaceChildren(line);
      below.dataset.kind = "";
      room.rated(turn.id, kept.thumb ? kept : null);
    } catch {
      room.unreachable(true);
    } finally {
      save.disabled = false;
    }
  });
  form.speakAgain = draw; // what was typed and chosen stays when the page changes its language
  draw();
  form.append(node("div", { class: "row" }, thumbs, save), reasons, comment);
  return form;
}
