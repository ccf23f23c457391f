// Knows how slices play by themselves: one after the other, each for as long as its file says. Nothing else.

const BEAT_MS = 90; // where no file says
const BRIEFEST_MS = 16; // what a screen can show
const LONGEST_MS = 1000; // a reader who pressed "play" must see it play

/** How long an image stays, ms: `stated` by its file, within what can be watched. */
export const beat = (stated) => Math.min(LONGEST_MS, Math.max(BRIEFEST_MS, stated ?? BEAT_MS));

export class Cine {
  #timer = 0; #next; #due = 0;

  /** `next()` → how long the image on the screen stays, ms, or null where its file does not say. */
  constructor(next) { this.#next = next; }

  get running() { return this.#timer !== 0; }

  toggle(stated) {
    if (this.running) this.stop();
    else this.#wait(performance.now(), stated);
  }

  // From when the last image was due, so that the time it took to draw does not add up; a late one is not made up for.
  #wait(from, stated) {
    const now = performance.now();
    this.#due = Math.max(now, from + beat(stated));
    this.#timer = setTimeout(() => {
      const stays = this.#next();
      if (this.running) this.#wait(this.#due, stays);
    }, this.#due - now);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }
}
