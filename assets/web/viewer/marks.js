// Knows the boxes that lie over the image where text seems to stand in it, and the corner bands that would be painted
// over. They follow the camera and are elements of their own: never part of the canvas, nor of what the model sees.
import { make } from "./dom.js";

const BAND = [0.4, 0.15]; // shares of width and height, as dicom/burned_in.py paints them

export class Marks {
  #bands = false; #last = [null, null, null];

  constructor() {
    this.element = make("div", { className: "bv-marks", "aria-hidden": "true" });
  }

  /** A descriptor's `text` says where text stands in its frames, `frame` is the one on the screen; both may be missing. */
  show(descriptor, frame, camera) {
    this.#last = [descriptor, frame, camera];
    const boxes = frame ? this.#boxes(descriptor?.text, frame) : [];
    while (this.element.childElementCount > boxes.length) this.element.lastChild.remove();
    while (this.element.childElementCount < boxes.length) this.element.append(make("div"));
    boxes.forEach(([kind, [left, top, right, bottom]], index) => {
      const across = camera.columns / frame.columns; // samples → pixels of the displayed picture
      const down = camera.rows / frame.rows;
      const [x0, y0] = camera.toScreen(left * across, top * down);
      const [x1, y1] = camera.toScreen(right * across, bottom * down);
      const mark = this.element.children[index];
      mark.className = `bv-mark bv-mark-${kind}`;
      Object.assign(mark.style, { left: `${x0}px`, top: `${y0}px`, width: `${x1 - x0}px`, height: `${y1 - y0}px` });
    });
  }

  /** Draws what was shown last anew, `bands` with the corner bands that could be painted over. */
  redraw({ bands = false } = {}) {
    this.#bands = bands;
    this.show(...this.#last);
  }

  #boxes(text, { rows, columns }) {
    const places = text && !text.hidden ? text.places ?? [] : [];
    const here = places.filter((place) => place.rows === rows && place.columns === columns);
    const seen = here.flatMap((place) => place.boxes.map((box) => ["text", box]));
    if (!this.#bands) return seen;
    const [width, height] = [Math.ceil(columns * BAND[0]), Math.ceil(rows * BAND[1])];
    const corners = [0, rows - height].flatMap((top) => [0, columns - width].map((left) => [left, top]));
    return [...seen, ...corners.map(([left, top]) => ["band", [left, top, left + width, top + height]])];
  }
}
