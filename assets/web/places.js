// Where the reader is: in the conversation asked for last, from the moment it was asked for, whatever the server still
// has to say about it. An act takes the place it was made in along and stays with it, wherever the reader goes
// meanwhile. Knows addresses and identifiers; draws nothing.
import { language } from "./words.js";

const NAME = /^#\/c\/([0-9a-f-]{8,64})$/;

class Place {
  #arrived;
  #naming = null;

  // `id` is "" for a conversation that the server has not made yet: it does on first need.
  constructor(id) {
    this.id = id;
    this.opened = !id; // whether what it holds is on the page
    this.arrival = new Promise((resolve) => (this.#arrived = resolve));
    if (this.opened) this.#arrived();
    this.since = performance.now();
    this.answering = false;
    this.beginning = false; // a question of this place is on its way to the server
    this.replaces = null; // the turn whose question is being edited
    this.sent = ""; // the question on its way, and the turn that the last one became
    this.began = "";
  }

  open() {
    this.opened = true;
    this.#arrived();
  }

  // Its identifier, made by the server where there is none. Rejects with a `sentence` if the server gave one.
  named(tell) {
    if (this.id) return Promise.resolve(this.id);
    this.#naming ??= this.#name(tell).finally(() => (this.#naming = null));
    return this.#naming;
  }

  async #name(tell) {
    const answer = await fetch(`/api/conversations?language=${language()}`, { method: "POST" });
    const { id, sentence } = await answer.json().catch(() => ({}));
    if (!answer.ok || !id) throw Object.assign(new Error(String(answer.status)), { sentence });
    this.id = id;
    tell(this);
    return id;
  }

  // Whether acts have been made in it that the server has not heard of: going to a new conversation leaves it.
  get begun() {
    return Boolean(this.id || this.#naming);
  }
}

// `moved(left)`: the reader has gone; `named(place)`: an unnamed place got its identifier.
export function keepPlace({ moved, named }) {
  let here = new Place(address());

  function address() {
    return location.hash.match(NAME)?.[1] ?? "";
  }

  function show(id) {
    const hash = id ? `#/c/${id}` : "";
    if (hash !== location.hash) history.pushState(null, "", hash || location.pathname);
  }

  function go(id) {
    const left = here;
    here = new Place(id);
    show(id);
    moved(left);
    return here;
  }

  return {
    get here() {
      return here;
    },
    address,
    go,
    name: (place) =>
      place.named(() => {
        named(place);
        if (place === here) show(place.id);
      }),
  };
}
