// Knows one viewport: which frame of which series is wanted in it, fetching that frame, and showing it through its
// camera. Knows no toolbar, no strip, no hands and no page; it tells whoever made it what changed (`on`).
import { Camera, displayedSize } from "./camera.js";
import { FrameStore } from "./frames.js";
import { Screen } from "./screen.js";

const SETTLED_MS = 150; // "rested" is said when nothing has changed for this long

export class Viewport {
  camera = new Camera(); screen = new Screen(this.camera);
  reading = null; // the series that is wanted, with frame and look
  shown = null; // {reading, index, frame} of the painted frame
  failed = false; hurried = false;
  #store; #on; #direction = 1; #drawing = 0; #resting = 0;

  /** `on`: {wait(boolean), progress(part), drawn(), rested(), failed()}. */
  constructor({ base, budget, on }) {
    this.#store = new FrameStore({ base, budget });
    this.#on = on;
  }

  /** The painted frame of the series that is wanted, or null while another one is still on the screen. */
  get painted() { return this.shown?.reading === this.reading ? this.shown : null; }

  /** What is on the screen, as the model will be shown it; null when nothing is or nothing could be. */
  view() {
    const { reading, painted } = this;
    if (!reading || reading.early || (!painted && this.failed)) return null;
    const look = reading.color ? null : reading.lookOn(painted?.frame);
    return {
      series: reading.id, frame: painted ? painted.index : reading.index,
      center: look?.center ?? null, width: look?.width ?? null, function: look?.function ?? "LINEAR",
      lut: painted ? look?.lut ?? null : null,  // of a frame not yet there nobody knows its tables
      invert: !reading.color && reading.inverted, overlay: reading.overlaid,
      region: this.#region(),
    };
  }

  #region() {
    const { region } = this.reading;
    return region !== undefined ? region : this.painted ? this.camera.region() : null;
  }

  /** A small PNG (data URL) of exactly what the model will see; null while there is nothing. */
  picture(most) {
    if (!this.painted) return null;
    this.#paint();
    return this.screen.thumbnail(this.#region(), most);
  }

  /** Brings a series to the screen, where it was when it was last looked at. */
  activate(reading) {
    if (this.painted && this.reading !== reading) {
      this.reading.camera = this.camera.save();
      this.shown = null;
      this.screen.forget();
    }
    this.reading = reading;
    this.goTo(reading.index);
  }

  /** Shows a picture that nobody needs to fetch. */
  activateWith(reading, frame) {
    this.#store.put(reading.id, reading.index, frame);
    this.activate(reading);
  }

  /** Goes on with `reading` where another one was: the same picture is on the screen, so nothing moves. */
  succeed(reading) {
    this.shown = { ...this.shown, reading, index: reading.index }; // until its own comes, which says what it is
    this.reading = reading;
    this.goTo(reading.index);
  }

  goTo(index) {
    const moved = this.reading.goTo(index);
    if (moved) this.#direction = Math.sign(moved);
    this.failed = false;
    this.#store.abandon(this.reading.id, this.reading.index);
    const here = this.#store.peek(this.reading.id, this.reading.index);
    if (here) this.#arrived(this.reading, this.reading.index, here);
    else this.fetch();
  }

  /** Fetches a series anew whose frames have changed on the server; what is on the screen stays until they come. */
  reload(id) {
    this.#store.forget(id);
    if (this.reading?.id === id) this.goTo(this.reading.index);
  }

  steps(count) { if (this.reading) this.goTo(this.reading.index + count); }

  async fetch() {
    const { reading } = this;
    const { index } = reading;
    this.failed = false;
    this.#on.wait(true);
    this.#on.drawn();
    try {
      const frame = await this.#store.load(reading.id, index, (part) => this.#on.progress(part));
      this.#arrived(reading, index, frame);
    } catch (error) {
      if (error.name === "AbortError" || this.reading !== reading || reading.index !== index) return;
      this.failed = true;
      this.#on.wait(false);
      this.#on.failed();
      this.changed();
    }
  }

  // A late frame is shown if it is nearer to the wanted one than what is on the screen.
  #arrived(reading, index, frame) {
    if (reading !== this.reading) return;
    const painted = this.painted ? Math.abs(this.shown.index - reading.index) : Infinity;
    if (Math.abs(index - reading.index) > painted) return;
    if (index === reading.index) {
      this.#on.wait(false);
      this.#store.prefetch(reading.id, index, { count: reading.frames, direction: this.#direction });
    }
    const first = !this.painted;
    reading.settle(frame, index);
    this.shown = { reading, index, frame };
    this.camera.setImage(...displayedSize(frame));
    if (first) this.camera.fit();
    if (first && reading.camera) this.camera.resume(reading.camera);
    this.changed();
  }

  resize({ clientWidth, clientHeight }) {
    if (!clientWidth || !clientHeight) return; // not laid out: keep what was
    this.camera.setViewport(clientWidth, clientHeight);
    this.changed();
  }

  /** Something visible changed: draw at the next frame of the browser, and say so once it rests. */
  changed() {
    this.#drawing ||= requestAnimationFrame(() => {
      this.#drawing = 0;
      this.#paint();
      this.#on.drawn();
    });
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.#on.rested(), SETTLED_MS);
  }

  #paint() {
    const { reading, painted } = this;
    if (painted) {
      if (reading.region !== undefined && this.camera.width > 1) {
        this.camera.showRegion(reading.region);
        reading.region = undefined;
      }
      this.screen.paint(painted.frame, reading.lookOn(painted.frame), { hurried: this.hurried });
    }
    this.screen.draw();
  }

  clear() {
    this.reading = this.shown = null;
    this.failed = false;
    this.#store.clear();
    this.screen.forget();
    this.camera.fit();
    this.#on.wait(false);
    this.changed();
  }

  destroy() {
    this.clear();
    clearTimeout(this.#resting);
  }
}
