// Knows how one series is being read: which frame, under which look, from which camera. Each series of a
// conversation keeps its own, so that switching back finds everything as it was. Knows no element and no event.

const PLAIN = { lut: null, invert: false, overlay: false };
const NARROWEST = 1e-6;

const lookOf = (window) => ({ ...PLAIN, center: window.center, width: window.width,
  function: window.function ?? "LINEAR", lut: tableOf(window.lut) });

// The number of a VOI LUT, or null. Views kept while only the first could be shown say true and false.
function tableOf(lut) {
  if (lut === true) return 0;
  return Number.isInteger(lut) && lut >= 0 ? lut : null;
}

export class Reading {
  #asIs = true; // nobody has chosen a look yet
  #exact = null; // where a drag stands before rounding

  constructor(descriptor) {
    this.descriptor = descriptor;
    this.index = 0; // wanted; what is on the screen may lag behind
    this.look = null; // null until the descriptor or the first frame says
    this.camera = null;
    this.region = undefined; // asked for before the size of the image was known
    this.goTo(descriptor.first?.frame ?? Math.floor((descriptor.frames - 1) / 2));
    this.resetLook();
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

  setWindow(window) {
    this.#asIs = false;
    this.look = { ...lookOf(window), invert: Boolean(this.look?.invert), overlay: Boolean(this.look?.overlay) };
  }

  /** A window that is the series' own first one leaves the first look as it is. */
  startWith(window) {
    const first = this.descriptor.first?.window;
    const same = first && ["center", "width", "function", "lut"].every((key) => lookOf(first)[key] === lookOf(window)[key]);
    if (same) this.resetLook();
    else this.setWindow(window);
  }

  /** Completes the first look with what only the frame knows, until somebody chooses another. */
  settle(frame) {
    if (!this.#asIs) return;
    this.#asIs = false;
    this.look ??= lookOf(frame.window ?? { center: 128, width: 256 });
    this.look.lut = frame.startsWithTable ? 0 : null;
  }

  resetLook() {
    const first = this.descriptor.first?.window;
    this.look = first && Number.isFinite(first.width) ? lookOf(first) : null;
    this.#asIs = true;
  }

  /** A look as a view carries it. */
  setLook(look) {
    this.#asIs = false;
    this.look = { ...lookOf(look), invert: Boolean(look.invert), overlay: Boolean(look.overlay) };
  }

  toggle(name) {
    this.#asIs = false;
    if (this.look) this.look = { ...this.look, [name]: !this.look[name] };
  }

  /** Dragging right widens, dragging down darkens; 200 CSS pixels double the width. */
  dragWindow(dx, dy) {
    if (!this.look) return;
    const { width, center } = this.look;
    this.#asIs = false;
    const pace = (this.#exact?.width ?? width) / 200;
    const least = this.look.function === "LINEAR" ? 1 : NARROWEST;
    this.#exact = {
      width: Math.max(least, (this.#exact?.width ?? width) + dx * pace),
      center: (this.#exact?.center ?? center) + dy * pace,
    };
    this.look = { ...this.look, lut: null, width: Math.max(least, tidy(this.#exact.width, this.#exact.width)),
      center: tidy(this.#exact.center, this.#exact.width) };
  }

  dragEnd() { this.#exact = null; }

  /** The look as it shows on `frame`: slices may differ in their tables, and one without shows the window. */
  lookOn(frame) {
    if (!this.look || !frame || frame.voiLuts[this.look.lut]) return this.look;
    return { ...this.look, lut: null };
  }

  presetIndex(frame) {
    const look = this.lookOn(frame);
    if (!look) return -1;
    const keys = look.lut === null ? ["lut", "center", "width", "function"] : ["lut"];
    return (this.descriptor.presets ?? []).findIndex((preset) => {
      const offered = lookOf(preset);
      return keys.every((key) => offered[key] === look[key]);
    });
  }
}

// Whole numbers where the window is wide, three figures of its width where it is narrow.
function tidy(value, width) {
  if (width >= 20) return Math.round(value);
  const unit = 10 ** (Math.floor(Math.log10(width)) - 2);
  return Number((Math.round(value / unit) * unit).toPrecision(12));
}
