// A message turned around by its reader: how a text reads is a guess, and the reader knows better. What was chosen
// stays with the message in this tab.
import { node } from "./dom.js";
import { say } from "./words.js";

const KEY = "basira-turned";

function chosen() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {}; // storage may be forbidden
  }
}

function keep(all) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(all));
  } catch {
    // as above; the choice then lasts until the message is drawn anew
  }
}

// `places`: the elements that hold the question and the answer of the turn `id`.
export function turnable(id, places) {
  async function draw(part, direction) {
    const answer = await fetch(`/api/turns/${id}/turned?direction=${direction}`).catch(() => null);
    if (answer?.ok) places[part].innerHTML = (await answer.json())[part]; // the server made it safe
    return Boolean(answer?.ok);
  }

  async function turn(part) {
    const now = places[part].querySelector("[dir]:not(pre)")?.dir ?? "ltr";
    const wanted = now === "rtl" ? "ltr" : "rtl";
    if (await draw(part, wanted)) keep({ ...chosen(), [`${part} ${id}`]: wanted });
  }

  const button = node("button", { type: "button", class: "link turn-question", onclick: () => turn("question") }, "⇄");

  return {
    turn,
    // The text was drawn anew, in the direction that was guessed.
    again(part) {
      const wanted = chosen()[`${part} ${id}`];
      if (wanted) draw(part, wanted);
    },
    button, // turns the question
    label() {
      button.title = say("turn-question");
      button.setAttribute("aria-label", say("turn-question"));
    },
  };
}
