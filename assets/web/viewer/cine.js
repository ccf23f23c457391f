// Knows how slices play by themselves: a steady beat, nothing else.

const BEAT_MS = 90;

export class Cine {
  #timer = 0; #next;

  constructor(next) { this.#next = next; }

  get running() { return this.#timer !== 0; }

  toggle() {
    if (this.running) this.stop();
    else this.#timer = setInterval(this.#next, BEAT_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
  }
}
