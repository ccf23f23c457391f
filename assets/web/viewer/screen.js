// Knows the canvas: a frame is painted once per look at its own size off screen, then drawn through the camera
// as often as needed. Knows nothing of where frames come from.
import { displayedSize } from "./camera.js";
import { paintFrame } from "./grey.js";

const PREVIEW_ABOVE = 1_500_000; // pixels: larger frames are painted coarsely while a finger moves

export class Screen {
  #frame = null; #look = null; #step = 0; #sheet = document.createElement("canvas");

  constructor(camera) {
    this.camera = camera;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "bv-canvas";
  }

  get frame() { return this.#frame; }

  /** Paints the frame off screen unless that very frame and look are there already. */
  paint(frame, look, { hurried = false } = {}) {
    const pixels = frame.rows * frame.columns;
    const step = hurried && pixels > PREVIEW_ABOVE ? Math.ceil(Math.sqrt(pixels / (PREVIEW_ABOVE / 2))) : 1;
    const same = this.#frame === frame && this.#step === step && (frame.color || sameLook(this.#look, look));
    if (same) return;
    const image = paintFrame(frame, look, step);
    if (this.#sheet.width !== image.width || this.#sheet.height !== image.height) {
      this.#sheet.width = image.width;
      this.#sheet.height = image.height;
    }
    this.#sheet.getContext("2d").putImageData(image, 0, 0);
    this.#frame = frame;
    this.#look = { ...look };
    this.#step = step;
  }

  forget() {
    this.#frame = null;
    this.#step = 0;
  }

  /** Draws what is painted, or black. */
  draw() {
    const { camera, canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(camera.width * ratio));
    const height = Math.max(1, Math.round(camera.height * ratio));
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const context = canvas.getContext("2d", { alpha: false });
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    if (!this.#frame) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = this.#step > 1 ? "low" : "high";
    const [left, top] = camera.toScreen(0, 0);
    context.drawImage(this.#sheet, left, top, camera.columns * camera.scale, camera.rows * camera.scale);
  }

  /** A PNG data URL, at most `most` pixels a side, of the region (null: all) as it is painted. */
  thumbnail(region, most) {
    if (!this.#frame) return null;
    const [columns, rows] = displayedSize(this.#frame);
    const [x0, y0, x1, y1] = region ?? [0, 0, columns, rows];
    const scale = Math.min(1, most / Math.max(x1 - x0, y1 - y0));
    const small = document.createElement("canvas");
    small.width = Math.max(1, Math.round((x1 - x0) * scale));
    small.height = Math.max(1, Math.round((y1 - y0) * scale));
    const context = small.getContext("2d", { alpha: false });
    context.imageSmoothingQuality = "high";
    const across = this.#sheet.width / columns; // displayed pixels → painted pixels
    const down = this.#sheet.height / rows;
    context.drawImage(this.#sheet, x0 * across, y0 * down, (x1 - x0) * across, (y1 - y0) * down,
      0, 0, small.width, small.height);
    return small.toDataURL("image/png");
  }

  /** The painted bytes at the frame's own size: RGBA, or null. What a test compares with dicom.render. */
  pixels() {
    if (!this.#frame || this.#step !== 1) return null;
    return this.#sheet.getContext("2d").getImageData(0, 0, this.#sheet.width, this.#sheet.height);
  }
}

function sameLook(a, b) {
  return a !== null && ["center", "width", "function", "lut", "invert", "overlay"].every((key) => a[key] === b[key]);
}
