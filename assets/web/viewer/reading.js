// Knows how one series is being read: which frame, under which look, from which camera. Each series of a
// conversation keeps its own, so that switching back finds everything as it was. Until the reader chooses a window,
// every image shows with its own; one that is chosen holds for the whole series. Knows no element and no event.
import { lookOf, offered, ownLook, preset, sameLook } from "./looks.js";

const NARROWEST = 1e-6;

export class Reading {
  #chosen = null; // (frame) → look: what the reader chose for the series; null: each image its own
  #came = null; // {index, look} of a view brought back, until its image says whether that is just its own look
  #invert = false;
  #overlay = false;
  #exact = null; // where a drag stands before rounding

  constructor(descriptor) {
    this.descriptor = descriptor;
    this.index = 0; // wanted; what is on the screen may lag behind
    this.camera = null;
    this.region = undefined; // asked for before the size of the image was known
    this.goTo(descriptor.first?.frame ?? Math.floor((descriptor.frames - 1) / 2));
  }

  get id() { return this.descriptor.id; }
  get frames() { return this.descriptor.frames; }
  get color() { return Boolean(this.descriptor.color); }
  get early() { return Boolean(this.descriptor.early); } // its series is still on its way

  goTo(index) {
    const before = this.index;
    this.index = Math.min(Math.max(0, Math.trunc(index) || 0), Math.max(0, this.frames - 1));
    if (index === Infinity) this.index = this.frames - 1;
    return this.index - before;
  }

  /** The image of frame `index` has come to the screen. */
  settle(frame, index) {
    const known = this.descriptor.presets?.find(({ key }) => key === "automatic");
    if (known && index === this.descriptor.first?.frame) frame.automatic ??= lookOf(known);
    if (this.#came?.index !== index) return;
    if (sameLook(this.#came.look, ownLook(frame))) this.#chosen = null;
    this.#came = null;
  }

  /** What `frame` shows with: the reader's window, else the image's own, which nobody knows before it is here (null). */
  lookOn(frame) {
    const look = this.#chosen?.(frame) ?? (frame ? ownLook(frame) : null);
    if (!look) return null;
    const lut = frame && !frame.voiLuts[look.lut] ? null : look.lut; // one without this table shows the window
    return { ...look, lut, invert: this.#invert, overlay: this.#overlay };
  }

  get inverted() { return this.#invert; }
  get overlaid() { return this.#overlay; }

  /** A window of the reader's own. One that is the first image's own first window leaves every image its own. */
  startWith(window) {
    const first = this.descriptor.first?.window;
    if (first && sameLook(first, window)) this.resetLook();
    else this.#choose(() => lookOf(window));
  }

  /** What the reader chose on `other`, an early image of this series, holds here too. */
  lookLike(other) {
    if (other.#chosen) this.#choose(other.#chosen);
    this.#invert = other.#invert;
    this.#overlay = other.#overlay;
  }

  /** One of the presets offered on `frame`. */
  setPreset(key) {
    this.#choose(preset(key, this.descriptor.presets));
  }

  #choose(look) {
    this.#chosen = look;
    this.#came = null;
  }

  resetLook() {
    this.#choose(null);
    this.#invert = this.#overlay = false;
  }

  /** A look as a view carries it: the reader's choice, unless the image it was of turns out to look so by itself. */
  setLook(view) {
    const look = lookOf(view);
    this.#invert = Boolean(view.invert);
    this.#overlay = Boolean(view.overlay);
    this.#choose(Number.isFinite(view.width) ? () => look : null);
    if (this.#chosen) this.#came = { index: this.index, look };
  }

  toggle(name) {
    if (name === "invert") this.#invert = !this.#invert;
    else this.#overlay = !this.#overlay;
  }

  /** Dragging right widens, dragging down darkens; 200 CSS pixels double the width. */
  dragWindow(dx, dy, frame) {
    const from = this.lookOn(frame);
    if (!from) return;
    const pace = (this.#exact?.width ?? from.width) / 200;
    const least = from.function === "LINEAR" ? 1 : NARROWEST;
    const width = Math.max(least, (this.#exact?.width ?? from.width) + dx * pace);
    const center = (this.#exact?.center ?? from.center) + dy * pace;
    this.#exact = { width, center };
    const look = { center: tidy(center, width), width: Math.max(least, tidy(width, width)), function: from.function, lut: null };
    this.#choose(() => look);
  }

  dragEnd() { this.#exact = null; }

  /** The presets offered on `frame`. */
  presetsOn(frame) { return this.color ? [] : offered(this.descriptor.presets, frame); }

  /** Which of them `frame` shows with, -1 for none. */
  presetIndex(frame) {
    const look = this.lookOn(frame);
    if (!look || !frame) return -1;
    return this.presetsOn(frame).findIndex(({ key }) => {
      if (key === "automatic" && !frame.automatic) return false; // nobody asked for it on this image
      return sameLook(preset(key, this.descriptor.presets)(frame), look);
    });
  }
}

// Whole numbers where the window is wide, three figures of its width where it is narrow.
function tidy(value, width) {
  if (width >= 20) return Math.round(value);
  const unit = 10 ** (Math.floor(Math.log10(width)) - 2);
  return Number((Math.round(value / unit) * unit).toPrecision(12));
}
