// Knows the viewer as a whole: which series are open, which frame is wanted, what is on the screen, and whom to
// tell. Knows nothing of conversations, uploads or Gradio. The only module a page imports.
//
//   const viewer = mountViewer(element, { base: "", words: (key, language) => "…", language: "en",
//                                         onView: (view) => {}, emptyContent: Node, budget: bytes });
//   viewer.show(descriptor, { frame, window }); viewer.setSeries([descriptor, …]); viewer.clear();
//   viewer.view() → {series, frame, center, width, function, lut, invert, overlay, region} or null
//   viewer.restore(view); viewer.picture(160) → data URL; viewer.setLanguage("ar"); viewer.destroy();
import { Camera, displayedSize } from "./camera.js";
import { Cine } from "./cine.js";
import { Corners } from "./corners.js";
import { FrameStore } from "./frames.js";
import { attachGestures } from "./gestures.js";
import { valueAt } from "./grey.js";
import { attachKeys } from "./keys.js";
import { Layout } from "./layout.js";
import { Reading } from "./reading.js";
import { Screen } from "./screen.js";
import { Strip } from "./strip.js";
import { Toolbar } from "./toolbar.js";

const SETTLED_MS = 150; // onView speaks when the view has rested this long
const SCROLL_PIXELS = 12; // finger travel per slice

export function mountViewer(element, options = {}) {
  return new Viewer(element, options);
}

class Viewer {
  #options; #words; #store; #camera = new Camera(); #screen; #corners; #toolbar; #strip;
  #readings = []; #active = null; #onScreen = null; // {reading, index} of the painted frame
  #tool; #language; #failed = false; #hurried = false; #drawing = 0; #pointer = null; #travel = 0; #direction = 1;
  #settled = 0; #cine; #said = "null"; #watch; #unlisten; #layout;

  constructor(element, options) {
    this.#options = options;
    this.#words = (key) => options.words?.(key, this.#language) ?? key;
    this.#language = options.language ?? (document.documentElement.lang === "ar" ? "ar" : "en");
    this.#tool = matchMedia("(pointer: coarse)").matches ? "scroll" : "window";
    this.#store = new FrameStore({ base: options.base ?? "", budget: options.budget });
    this.#screen = new Screen(this.#camera);
    this.#corners = new Corners(this.#words);
    this.#toolbar = new Toolbar(this.#words, this.#actions());
    this.#strip = new Strip(this.#words, (id, frame) => this.thumbnailUrl(id, frame),
      (id, frame) => this.#choose(id, frame));
    this.#cine = new Cine(() => this.#nextInCine());
    this.#layout = new Layout({
      words: this.#words, canvas: this.#screen.canvas, corners: this.#corners.element, strip: this.#strip.element,
      toolbar: this.#toolbar.element, emptyContent: options.emptyContent, onRetry: () => this.#fetch(),
      onSlide: (index) => this.#goTo(index), onCine: () => this.#toggleCine(),
    });
    this.element = this.#layout.element;
    element.replaceChildren(this.element);
    attachGestures(this.#layout.stage, this.#hands());
    this.#unlisten = attachKeys(this.element, this.#actions());
    this.#watch = new ResizeObserver(() => this.#resized());
    this.#watch.observe(this.#layout.stage);
    this.#resized();
    this.setLanguage(this.#language);
  }

  // ---- what a page may call -------------------------------------------------------------------------

  setLanguage(code) {
    this.#language = code;
    this.#layout.setLanguage(code);
    this.#toolbar.setLanguage(code);
    this.#strip.setLanguage(code);
    this.#refresh();
  }

  /** Adds the series if it is new, and brings it to the screen. */
  show(descriptor, { frame, window } = {}) {
    const known = this.#readings.find((one) => one.id === descriptor.id);
    if (known) known.descriptor = descriptor;
    else this.#readings.push(new Reading(descriptor));
    const reading = known ?? this.#readings.at(-1);
    if (frame !== undefined && frame !== null) reading.goTo(frame);
    if (window) reading.startWith(window);
    this.#activate(reading);
  }

  /** Replaces the open series; those that stay keep frame, window and zoom. */
  setSeries(descriptors) {
    this.#readings = descriptors.map((descriptor) => {
      const known = this.#readings.find((one) => one.id === descriptor.id);
      if (known) known.descriptor = descriptor;
      return known ?? new Reading(descriptor);
    });
    if (this.#readings.length === 0) this.clear();
    else this.#activate(this.#readings.includes(this.#active) ? this.#active : this.#readings[0]);
  }

  clear() {
    this.#stopCine();
    this.#readings = [];
    this.#active = this.#onScreen = null;
    this.#failed = false;
    this.#store.clear();
    this.#screen.forget();
    this.#camera.fit();
    this.#strip.setSeries([], null);
    this.#toolbar.setPresets([]);
    this.#layout.wait(false);
    this.#changed();
    this.#refresh();
  }

  /** What is on the screen, as the model will be shown it; null when nothing is or nothing could be. */
  view() {
    const reading = this.#active;
    if (!reading) return null;
    const painted = this.#onScreen?.reading === reading ? this.#onScreen : null;
    if (!painted && this.#failed) return null;
    const look = reading.color ? null : reading.lookOn(painted?.frame);
    return {
      series: reading.id, frame: painted ? painted.index : reading.index,
      center: look?.center ?? null, width: look?.width ?? null, function: look?.function ?? "LINEAR",
      lut: painted ? look?.lut ?? null : null,  // of a frame not yet there nobody knows its tables
      invert: Boolean(look?.invert), overlay: Boolean(reading.look?.overlay),
      region: reading.region !== undefined ? reading.region : painted ? this.#camera.region() : null,
    };
  }

  /** Brings back a view this viewer gave; false when its series is not open. */
  restore(view) {
    const reading = view && this.#readings.find((one) => one.id === view.series);
    if (!reading) return false;
    reading.goTo(view.frame);
    if (Number.isFinite(view.width)) reading.setLook(view);
    else if (reading.look) reading.look.overlay = Boolean(view.overlay);
    reading.region = view.region ?? null;
    this.#activate(reading);
    return true;
  }

  /** A small PNG (data URL) of exactly what the model will see; null while there is nothing. */
  picture(most = 160) {
    const view = this.view();
    if (!view || this.#onScreen?.reading !== this.#active) return null;
    this.#paint();
    return this.#screen.thumbnail(view.region, most);
  }

  thumbnailUrl(id, frame) {
    return `${this.#options.base ?? ""}/api/series/${encodeURIComponent(id)}/thumbnail/${frame}`;
  }

  /** The painted frame's bytes at native size (ImageData), before zoom; for tests and measurements. */
  pixels() {
    return this.#screen.pixels();
  }

  destroy() {
    this.clear();
    clearTimeout(this.#settled);
    this.#watch.disconnect();
    this.#unlisten();
    this.element.remove();
  }

  // ---- what hands and keys change -------------------------------------------------------------------

  #actions() {
    return {
      tool: (name) => { this.#tool = name; this.#refresh(); },
      fit: () => { this.#camera.fit(); this.#changed(); },
      reset: () => this.#reset(),
      invert: () => { if (this.#active && !this.#active.color) { this.#active.toggle("invert"); this.#changed(); } },
      overlay: () => { if (this.#screen.frame?.overlay) { this.#active.toggle("overlay"); this.#changed(); } },
      preset: (index) => this.#preset(index),
      steps: (count) => { if (this.#active) this.#goTo(this.#active.index + count); },
      zoom: (factor) => { this.#camera.zoomAt(factor); this.#changed(); },
      nudge: (dx, dy) => { this.#drag("tool", dx, dy); this.#dragEnd(); },
      play: () => this.#toggleCine(),
    };
  }

  #hands() {
    return {
      drag: (kind, dx, dy) => { this.#hurried = true; this.#drag(kind, dx, dy); },
      dragEnd: () => this.#dragEnd(),
      zoom: (factor, x, y) => { if (this.#onScreen) { this.#camera.zoomAt(factor, x, y); this.#changed(); } },
      steps: (count) => { if (this.#active) this.#goTo(this.#active.index + count); },
      hasSteps: () => (this.#active?.frames ?? 0) > 1,
      fit: () => { this.#camera.fit(); this.#changed(); },
      hover: (x, y) => { this.#pointer = x === null ? null : [x, y]; this.#showValue(); },
    };
  }

  #drag(kind, dx, dy) {
    const reading = this.#active;
    if (!reading || !this.#onScreen) return;
    const tool = kind !== "tool" ? kind : this.#tool;
    if (tool === "scroll" && reading.frames > 1) {
      this.#travel += dy;
      const steps = Math.trunc(this.#travel / SCROLL_PIXELS);
      this.#travel -= steps * SCROLL_PIXELS;
      if (steps) this.#goTo(reading.index + steps);
      return;
    }
    if (tool === "window" && !reading.color) reading.dragWindow(dx, dy);
    else this.#camera.panBy(dx, dy);
    this.#changed();
  }

  #dragEnd() {
    this.#travel = 0;
    this.#hurried = false;
    this.#active?.dragEnd();
    this.#changed();
  }

  #preset(index) {
    const preset = this.#active?.descriptor.presets?.[index];
    if (!preset || this.#active.color) return;
    this.#active.setWindow(preset);
    this.#changed();
  }

  #reset() {
    if (!this.#active) return;
    this.#active.resetLook();
    if (this.#screen.frame) this.#active.settle(this.#screen.frame);
    this.#camera.fit();
    this.#changed();
  }

  #choose(id, frame) {
    const reading = this.#readings.find((one) => one.id === id);
    if (!reading) return;
    if (reading !== this.#active) this.#activate(reading);
    if (frame !== null) this.#goTo(frame);
  }

  #activate(reading) {
    const before = this.#active;
    if (before && before !== reading) {
      this.#stopCine();
      if (this.#onScreen?.reading === before) before.camera = this.#camera.save();
      this.#onScreen = null;
      this.#screen.forget();
    }
    this.#active = reading;
    this.#strip.setSeries(this.#readings.map((one) => one.descriptor), reading.id);
    this.#toolbar.setPresets(reading.color ? [] : reading.descriptor.presets ?? []);
    this.#goTo(reading.index);
  }

  // ---- frames ---------------------------------------------------------------------------------------

  #goTo(index) {
    const moved = this.#active.goTo(index);
    if (moved) this.#direction = Math.sign(moved);
    this.#failed = false;
    this.#store.abandon(this.#active.id, this.#active.index);
    const here = this.#store.peek(this.#active.id, this.#active.index);
    if (here) this.#arrived(this.#active, this.#active.index, here);
    else this.#fetch();
  }

  async #fetch() {
    const reading = this.#active;
    const { index } = reading;
    this.#failed = false;
    this.#layout.wait(true);
    this.#refresh();
    try {
      const frame = await this.#store.load(reading.id, index, (part) => this.#layout.progress(part));
      this.#arrived(reading, index, frame);
    } catch (error) {
      if (error.name === "AbortError" || this.#active !== reading || reading.index !== index) return;
      this.#failed = true;
      this.#layout.wait(false);
      this.#stopCine();
      this.#refresh();
      this.#changed();
    }
  }

  // A late frame is shown if it is nearer to the wanted one than what is on the screen.
  #arrived(reading, index, frame) {
    if (reading !== this.#active) return;
    const painted = this.#onScreen?.reading === reading ? Math.abs(this.#onScreen.index - reading.index) : Infinity;
    if (Math.abs(index - reading.index) > painted) return;
    if (index === reading.index) {
      this.#layout.wait(false);
      this.#store.prefetch(reading.id, index, { count: reading.frames, direction: this.#direction });
    }
    const first = this.#onScreen?.reading !== reading;
    reading.settle(frame);
    this.#onScreen = { reading, index, frame };
    this.#camera.setImage(...displayedSize(frame));
    if (first) this.#camera.fit();
    if (first && reading.camera) this.#camera.resume(reading.camera);
    this.#changed();
  }

  #toggleCine() {
    if (this.#active?.frames > 1) this.#cine.toggle();
    this.#refresh();
  }

  #nextInCine() {
    const { index, frames } = this.#active;
    if (this.#onScreen?.index === index) this.#goTo((index + 1) % frames); // else: still on its way
  }

  #stopCine() {
    this.#cine.stop();
    this.#refresh();
  }

  // ---- the screen -----------------------------------------------------------------------------------

  #resized() {
    const { clientWidth, clientHeight } = this.#layout.stage;
    if (!clientWidth || !clientHeight) return; // not laid out: keep what was
    this.#camera.setViewport(clientWidth, clientHeight);
    this.#changed();
  }

  /** Something visible changed: draw at the next frame of the browser, and tell the page once it rests. */
  #changed() {
    this.#drawing ||= requestAnimationFrame(() => {
      this.#drawing = 0;
      this.#paint();
      this.#refresh();
    });
    clearTimeout(this.#settled);
    this.#settled = setTimeout(() => this.#tell(), SETTLED_MS);
  }

  #paint() {
    const reading = this.#active;
    const shown = this.#onScreen;
    if (shown && shown.reading === reading) {
      if (reading.region !== undefined && this.#camera.width > 1) {
        this.#camera.showRegion(reading.region);
        reading.region = undefined;
      }
      this.#screen.paint(shown.frame, reading.look, { hurried: this.#hurried });
    }
    this.#screen.draw();
  }

  #refresh() {
    const reading = this.#active;
    const shown = this.#onScreen;
    const frames = reading?.frames ?? 0;
    const tool = reading?.color && this.#tool === "window" ? "move" : this.#tool;
    this.#layout.show({ empty: !reading, bare: Boolean(reading && !shown), failed: this.#failed, tool, frames,
      index: reading?.index ?? 0, playing: this.#cine.running,
      caption: reading?.descriptor.caption?.[this.#language] ?? "" });
    this.#toolbar.show({
      empty: !reading, color: Boolean(reading?.color), frames, tool, fit: this.#camera.isFit,
      preset: reading ? reading.presetIndex(shown?.frame) : -1, inverted: Boolean(reading?.look?.invert),
      overlay: Boolean(reading?.look?.overlay), hasOverlay: Boolean(shown?.frame.overlay),
    });
    this.#showCorners(reading, shown, frames);
  }

  #showCorners(reading, shown, frames) {
    this.#corners.element.hidden = !shown;
    if (!shown) return;
    const { frame, index } = shown;
    const spacing = frame.spacing && (frame.aspect > 1 ? frame.spacing[1] : frame.spacing[0]);
    this.#corners.show({
      look: reading.color ? null : reading.look, table: frame.voiLuts[reading.look?.lut],
      frame: index, frames, edges: frame.edges,
      millimetresPerPixel: spacing ? spacing / this.#camera.scale : NaN,
    });
    this.#strip.showFrame(index);
    this.#showValue();
  }

  #showValue() {
    const frame = this.#onScreen?.frame;
    if (!frame || !this.#pointer) {
      this.#corners.showValue(null);
      return;
    }
    const [x, y] = this.#camera.toImage(...this.#pointer);
    const column = Math.floor((x * frame.columns) / this.#camera.columns);
    const row = Math.floor((y * frame.rows) / this.#camera.rows);
    this.#corners.showValue(valueAt(frame, column, row), frame.unit);
  }

  #tell() {
    const view = this.view();
    const spelled = JSON.stringify(view);
    if (spelled === this.#said) return;
    this.#said = spelled;
    this.#options.onView?.(view);
  }
}
