// Knows the viewer as a whole: which series are open, what its parts show of them, and whom to tell. Knows nothing of
// conversations, uploads or Gradio. The only module a page imports.
//
//   const viewer = mountViewer(element, { base: "", words: (key, language) => "…", language: "en",
//                                         onView: (view) => {}, onCaption: () => {}, emptyContent: Node, budget: bytes });
//   viewer.show(descriptor, { frame, window }); viewer.setSeries([descriptor, …]); viewer.clear();
//   viewer.view() → {series, frame, center, width, function, lut, invert, overlay, region} or null
//   viewer.showEarly(descriptor, header, buffer, { of }); viewer.dropEarly(): a picture whose series is still on its way
//   viewer.restore(view); viewer.picture(160) → data URL; viewer.setLanguage("ar"); viewer.destroy();
import { Cine } from "./cine.js";
import { Corners } from "./corners.js";
import { decodeFrame } from "./frames.js";
import { attachGestures } from "./gestures.js";
import { valueAt } from "./grey.js";
import { attachKeys } from "./keys.js";
import { Layout } from "./layout.js";
import { Marks } from "./marks.js";
import { Reading } from "./reading.js";
import { Strip, labelOf } from "./strip.js";
import { Toolbar } from "./toolbar.js";
import { Tools } from "./tools.js";
import { Viewport } from "./viewport.js";

const EARLY = "early"; // stands for the id of a series that has none yet

export function mountViewer(element, options = {}) {
  return new Viewer(element, options);
}

class Viewer {
  marks = new Marks(); // of text in the image
  #options; #words; #viewport; #tools; #corners; #toolbar; #strip; #layout; #cine;
  #readings = []; #language; #pointer = null; #said = "null"; #captioned = null; #late = false; #watch; #unlisten;

  constructor(element, options) {
    this.#options = options;
    this.#words = (key) => options.words?.(key, this.#language) ?? key;
    this.#language = options.language ?? (document.documentElement.lang === "ar" ? "ar" : "en");
    this.#viewport = new Viewport({
      base: options.base ?? "", budget: options.budget,
      on: { wait: (on) => this.#layout.wait(on), progress: (part) => this.#layout.progress(part),
        drawn: () => this.#refresh(), rested: () => this.#tell(), failed: () => this.#stopCine() },
    });
    this.#tools = new Tools(this.#viewport, {
      play: () => this.#toggleCine(), changed: () => this.#refresh(),
      hover: (point) => { this.#pointer = point; this.#showValue(); },
    });
    this.#corners = new Corners(this.#words);
    this.#toolbar = new Toolbar(this.#words, this.#tools.acts());
    this.#strip = new Strip(this.#words, (id, frame) => this.thumbnailUrl(id, frame),
      (id, frame) => this.#choose(id, frame));
    this.#cine = new Cine(() => this.#nextInCine());
    this.#layout = new Layout({
      words: this.#words, canvas: this.#viewport.screen.canvas, corners: this.#corners.element,
      strip: this.#strip.element, toolbar: this.#toolbar.element, emptyContent: options.emptyContent,
      onRetry: () => this.#viewport.fetch(), onSlide: (index) => this.#viewport.goTo(index),
      onCine: () => this.#toggleCine(),
    });
    this.#layout.stage.append(this.marks.element);
    this.element = this.#layout.element;
    element.replaceChildren(this.element);
    attachGestures(this.#layout.stage, this.#tools.hands());
    this.#unlisten = attachKeys(this.element, this.#tools.acts());
    this.#watch = new ResizeObserver(() => this.#viewport.resize(this.#layout.stage));
    this.#watch.observe(this.#layout.stage);
    this.#viewport.resize(this.#layout.stage);
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

  /**
   * Adds the series if it is new, and brings it to the screen. `glanced`: the frame of it that `showEarly` shows already,
   * null where that is of another series, which is waited for.
   */
  show(descriptor, { frame, window, glanced = null } = {}) {
    const known = this.#find(descriptor.id);
    if (known) known.descriptor = descriptor;
    else this.#readings.push(new Reading(descriptor));
    const reading = known ?? this.#readings.at(-1);
    if (frame !== undefined && frame !== null) reading.goTo(frame);
    if (window) reading.startWith(window);
    if (!this.early) this.#activate(reading);
    else if (glanced === null) this.#showParts(this.#viewport.reading);
    else this.#succeed(reading, glanced);
  }

  /** Shows one `of` so many pictures whose series are still on their way: it can be looked at, while `view()` is null. */
  showEarly(descriptor, header, buffer, { of = 1 } = {}) {
    const reading = new Reading({ ...descriptor, id: EARLY, frames: 1, early: { of } });
    this.#stopCine();
    this.#showParts(reading);
    this.#viewport.activateWith(reading, decodeFrame(header, buffer));
  }

  /** The descriptor of that picture's series while it is on the screen, else null. */
  get early() {
    const { reading } = this.#viewport;
    return reading?.early ? reading.descriptor : null;
  }

  /** Its series will not come. */
  dropEarly() {
    if (!this.early) return;
    if (this.#readings.length) this.#activate(this.#readings.at(-1));
    else this.clear();
  }

  // The series is there: the reader goes on where the early picture was, with the window chosen meanwhile.
  #succeed(reading, frame) {
    reading.goTo(frame);
    reading.lookLike(this.#viewport.reading);
    this.#showParts(reading);
    this.#viewport.succeed(reading);
  }

  /** Replaces the open series; those that stay keep frame, window and zoom. */
  setSeries(descriptors) {
    this.#readings = descriptors.map((descriptor) => {
      const known = this.#find(descriptor.id);
      if (known) known.descriptor = descriptor;
      return known ?? new Reading(descriptor);
    });
    const active = this.#viewport.reading;
    if (active?.early && this.#readings.length) this.#showParts(active);
    else if (this.#readings.length === 0) this.clear();
    else this.#activate(this.#readings.includes(active) ? active : this.#readings[0]);
  }

  clear() {
    this.#said = ""; // the very view that is left now may be the next one: its page must hear of it again
    this.#stopCine();
    this.#readings = [];
    this.#viewport.clear();
    this.#strip.setSeries([], null);
    this.#refresh();
  }

  /** What is on the screen, as the model will be shown it; null when nothing is or nothing could be. */
  view() {
    return this.#viewport.view();
  }

  /** Brings back a view this viewer gave; false when its series is not open. */
  restore(view) {
    const reading = view && this.#find(view.series);
    if (!reading) return false;
    reading.goTo(view.frame);
    reading.setLook(view);
    reading.region = view.region ?? null;
    this.#activate(reading);
    return true;
  }

  /** A small PNG (data URL) of exactly what the model will see; null while there is nothing. */
  picture(most = 160) {
    return this.#viewport.picture(most);
  }

  /** What is known of the image on the screen, {en, ar}; of its series while none has come; null for nothing. */
  caption() {
    const { reading, painted } = this.#viewport;
    return painted?.frame.caption ?? reading?.descriptor.caption ?? null;
  }

  /** Puts the keyboard on the image. */
  focus() {
    this.#layout.stage.focus({ preventScroll: true });
  }

  thumbnailUrl(id, frame) {
    return `${this.#options.base ?? ""}/api/series/${encodeURIComponent(id)}/thumbnail/${frame}`;
  }

  /** The frames of a series have changed on the server: fetches them, and its small pictures, anew. */
  reload(id) {
    this.#said = ""; // the same view shows something else: said again once it rests
    this.#viewport.reload(id);
    this.#strip.renew(id);
  }

  /** The painted frame's bytes at native size (ImageData), before zoom; for tests and measurements. */
  pixels() {
    return this.#viewport.screen.pixels();
  }

  destroy() {
    this.clear();
    this.#viewport.destroy();
    this.#watch.disconnect();
    this.#unlisten();
    this.element.remove();
  }

  // ---- series -------------------------------------------------------------------------------------------

  #find(id) {
    return this.#readings.find((one) => one.id === id);
  }

  #choose(id, frame) {
    const reading = this.#find(id);
    if (!reading) return;
    if (reading !== this.#viewport.reading) this.#activate(reading);
    if (frame !== null) this.#viewport.goTo(frame);
  }

  #activate(reading) {
    if (reading !== this.#viewport.reading) this.#stopCine();
    this.#showParts(reading);
    this.#viewport.activate(reading);
  }

  #showParts(reading) {
    this.#strip.setSeries(this.#readings.map((one) => one.descriptor), reading.id);
  }

  // ---- slices by themselves ---------------------------------------------------------------------------

  #toggleCine() {
    if (this.#viewport.reading?.frames > 1) this.#cine.toggle(this.#viewport.painted?.frame.frameTime);
    this.#refresh();
  }

  // → how long the image now on the screen stays, ms; one that was late stays its full time.
  #nextInCine() {
    const viewport = this.#viewport;
    const { reading } = viewport;
    const here = () => viewport.painted?.index === reading.index;
    if (here() && !this.#late) viewport.goTo((reading.index + 1) % reading.frames);
    this.#late = !here();
    return this.#late ? 0 : viewport.painted.frame.frameTime;
  }

  #stopCine() {
    this.#cine.stop();
    this.#refresh();
  }

  // ---- the parts around the image ---------------------------------------------------------------------

  #refresh() {
    const { reading, shown, failed, camera } = this.#viewport;
    const frames = reading?.frames ?? 0;
    const tool = this.#tools.active;
    this.#layout.show({ empty: !reading, bare: Boolean(reading && !shown), failed, tool, frames,
      reserved: this.early?.early.of > 1,
      index: reading?.index ?? 0, playing: this.#cine.running,
      caption: this.caption()?.[this.#language] ?? "" });
    this.#toolbar.offer(reading?.presetsOn(shown?.frame) ?? []);
    this.#toolbar.show({
      empty: !reading, color: Boolean(reading?.color), frames, tool, fit: camera.isFit,
      preset: reading ? reading.presetIndex(shown?.frame) : -1, inverted: Boolean(reading?.inverted),
      overlay: Boolean(reading?.overlaid), hasOverlay: Boolean(shown?.frame.overlay),
    });
    this.#showCorners(reading, shown, frames);
    this.marks.show(reading?.descriptor, shown?.frame, camera);
    if (this.#captioned === this.caption()) return;
    this.#captioned = this.caption();
    this.#options.onCaption?.();
  }

  #showCorners(reading, shown, frames) {
    this.#corners.element.hidden = !shown;
    if (!shown) return;
    const { frame, index } = shown;
    const look = reading.color ? null : reading.lookOn(frame);
    const across = frame.spacing ? frame.spacing[1] * Math.min(1, frame.aspect) : NaN; // pixels are only ever enlarged
    this.#corners.show({
      look, table: frame.voiLuts[look?.lut], frame: index, frames, edges: frame.edges,
      label: labelOf(reading.descriptor, index, this.#language),
      millimetresPerPixel: across / this.#viewport.camera.scale, spacingAt: frame.spacingAt,
    });
    this.#strip.showFrame(index);
    this.#showValue();
  }

  #showValue() {
    const frame = this.#viewport.shown?.frame;
    if (!frame || !this.#pointer) return this.#corners.showValue(null);
    const sample = this.#viewport.camera.sampleAt(this.#pointer, frame);
    this.#corners.showValue(valueAt(frame, ...sample), frame.unit);
  }

  #tell() {
    const { reading, painted, failed, hurried } = this.#viewport;
    if (hurried) return; // a hand that pauses is not at rest
    if (reading && !painted && !failed) return; // it is told when the image is here, with the window that is its own
    const view = this.view();
    const spelled = JSON.stringify(view);
    if (spelled === this.#said) return;
    this.#said = spelled;
    this.#options.onView?.(view);
  }
}
