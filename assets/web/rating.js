// A reader's judgement of one answer: thumb, reasons with stable codes, a comment. Knows one turn and its route.
import { icon, node } from "./dom.js";
import { both, say } from "./words.js";

const REASONS = {
  up: ["correct", "helpful", "clear"],
  down: ["wrong-finding", "wrong-side", "missed", "invented", "wrong-language", "unclear", "harmful"],
};

export function drawRating(turn, room, below) {
  const rating = { thumb: turn.rating?.thumb ?? null, reasons: new Set(turn.rating?.reasons ?? []), comment: turn.rating?.comment ?? "" };
  const form = node("form", { class: "rating" });
  const thumbs = node("div", { class: "thumbs", role: "group" });
  const reasons = node("div", { class: "reasons", role: "group" });
  const comment = node("textarea", { rows: "2", maxlength: "5000" });
  comment.value = rating.comment;
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
      draw();
      reasons.querySelector(`[data-reason=${code}]`)?.focus();
    };
    return node("button", { type: "button", class: "reason", "data-reason": code, "aria-pressed": String(pressed), onclick: flip }, say(`reason-${code}`));
  }

  function choose(side) {
    if (rating.thumb !== side) rating.reasons.clear();
    rating.thumb = rating.thumb === side ? null : side;
    draw();
    thumbs.querySelector(`[data-thumb=${side}]`)?.focus();
    save.scrollIntoView({ block: "nearest" }); // the reasons push it down
  }

  function draw() {
    thumbs.setAttribute("aria-label", say("rate"));
    reasons.setAttribute("aria-label", say("rating-reasons"));
    comment.placeholder = say("rating-comment");
    comment.setAttribute("aria-label", say("rating-comment"));
    save.textContent = say("rating-save");
    thumbs.replaceChildren(thumb("up"), thumb("down"));
    reasons.replaceChildren(...(rating.thumb ? REASONS[rating.thumb].map(reason) : []));
    save.disabled = !rating.thumb && !turn.rating?.thumb; // a kept rating can be taken back
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    save.disabled = true;
    const kept = { thumb: rating.thumb, reasons: [...rating.reasons], comment: comment.value };
    try {
      const headers = { "content-type": "application/json" };
      const answer = await fetch(`/api/turns/${turn.id}/rating`, { method: "POST", headers, body: JSON.stringify(kept) });
      if (!answer.ok) {
        const refusal = await answer.json().catch(() => null);
        room.tell({ kind: "error", sentence: refusal?.sentence ?? both("rating-failed") });
        return;
      }
      const line = node("p", { class: "kept", role: "status" });
      line.speakAgain = () => line.replaceChildren(icon("check"), say("rating-kept"));
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
  form.append(thumbs, reasons, comment, node("div", { class: "row" }, save));
  return form;
}
