// Knows what hands, keys and buttons do to a viewport: the tool that dragging uses, and the acts that need no
// dragging. Knows no event and no element.

const SCROLL_PIXELS = 12; // finger travel per slice

export class Tools {
  #viewport; #chosen = matchMedia("(pointer: coarse)").matches ? "scroll" : "window"; #travel = 0; #play; #hover; #changed;

  /** `play()` starts and stops the cine, `hover(point or null)` follows the pointer, `changed()`: another tool. */
  constructor(viewport, { play, hover, changed }) {
    this.#viewport = viewport;
    this.#play = play;
    this.#hover = hover;
    this.#changed = changed;
  }

  /** The tool dragging uses now: colour has no window. */
  get active() { return this.#viewport.reading?.color && this.#chosen === "window" ? "move" : this.#chosen; }

  /** For keys and buttons. */
  acts() {
    const viewport = this.#viewport;
    return {
      tool: (name) => { this.#chosen = name; this.#changed(); },
      fit: () => this.#fit(),
      reset: () => this.#reset(),
      invert: () => { if (viewport.reading && !viewport.reading.color) this.#toggle("invert"); },
      overlay: () => { if (viewport.screen.frame?.overlay) this.#toggle("overlay"); },
      preset: (index) => this.#preset(index),
      steps: (count) => viewport.steps(count),
      zoom: (factor) => { viewport.camera.zoomAt(factor); viewport.changed(); },
      nudge: (dx, dy) => { this.#drag("tool", dx, dy); this.#dragEnd(); },
      play: () => this.#play(),
    };
  }

  /** For mouse, wheel, touch and pen (see gestures.js). */
  hands() {
    const viewport = this.#viewport;
    return {
      drag: (kind, dx, dy) => { viewport.hurried = true; this.#drag(kind, dx, dy); },
      dragEnd: () => this.#dragEnd(),
      zoom: (factor, x, y) => { if (viewport.shown) { viewport.camera.zoomAt(factor, x, y); viewport.changed(); } },
      steps: (count) => viewport.steps(count),
      hasSteps: () => (viewport.reading?.frames ?? 0) > 1,
      fit: () => this.#fit(),
      hover: (x, y) => this.#hover(x === null ? null : [x, y]),
    };
  }

  #fit() {
    this.#viewport.camera.fit();
    this.#viewport.changed();
  }

  #toggle(name) {
    this.#viewport.reading.toggle(name);
    this.#viewport.changed();
  }

  #drag(kind, dx, dy) {
    const { reading, shown, camera } = this.#viewport;
    if (!reading || !shown) return;
    const tool = kind !== "tool" ? kind : this.#chosen;
    if (tool === "scroll" && reading.frames > 1) {
      this.#travel += dy;
      const steps = Math.trunc(this.#travel / SCROLL_PIXELS);
      this.#travel -= steps * SCROLL_PIXELS;
      if (steps) this.#viewport.steps(steps);
      return;
    }
    if (tool === "window" && !reading.color) reading.dragWindow(dx, dy, shown.frame);
    else camera.panBy(dx, dy);
    this.#viewport.changed();
  }

  #dragEnd() {
    this.#travel = 0;
    this.#viewport.hurried = false;
    this.#viewport.reading?.dragEnd();
    this.#viewport.changed();
  }

  #preset(index) {
    const { reading, painted } = this.#viewport;
    const preset = reading?.presetsOn(painted?.frame)[index];
    if (!preset) return;
    reading.setPreset(preset.key);
    this.#viewport.changed();
  }

  #reset() {
    if (!this.#viewport.reading) return;
    this.#viewport.reading.resetLook();
    this.#fit();
  }
}
