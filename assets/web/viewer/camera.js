// Knows which part of the image is on the screen: fit, zoom, pan. Pure arithmetic in CSS pixels and in pixels
// of the displayed image (square ones: see displayedSize); knows neither canvas nor events.

const MOST_ZOOMED = 16; // at least this many image pixels stay visible across the shorter side
const HAIR = 1e-6; // floating-point dust, so that an exact edge does not take in one pixel more

const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));

/** Width and height with pixels made square by enlarging the shorter side, as dicom.render does; of a reduced frame
 * those of the whole, so that nothing moves when it comes. */
export function displayedSize({ columns: own, rows: ownRows, aspect, whole }) {
  const [rows, columns] = whole ?? [ownRows, own];
  if (aspect > 1) return [columns, Math.max(1, halfToEven(rows * aspect))];
  return [Math.max(1, halfToEven(columns / aspect)), rows];
}

// Python's round(): the region must mean the same pixels on both sides.
function halfToEven(value) {
  const whole = Math.floor(value);
  if (value - whole !== 0.5) return Math.round(value);
  return whole % 2 ? whole + 1 : whole;
}

export class Camera {
  columns = 1; rows = 1; width = 1; height = 1;
  zoom = 1; x = 0.5; y = 0.5; // zoom relative to fit; centre of the screen in image pixels
  #held = null;

  setImage(columns, rows) {
    if (columns === this.columns && rows === this.rows) return;
    Object.assign(this, { columns, rows });
    this.fit();
  }

  setViewport(width, height) {
    if (width === this.width && height === this.height) return;
    Object.assign(this, { width: Math.max(1, width), height: Math.max(1, height) });
    this.#settle();
  }

  /** CSS pixels per image pixel when the whole image just fits. */
  get fitScale() { return Math.min(this.width / this.columns, this.height / (this.rows)); }
  get scale() { return this.fitScale * this.zoom; }
  get isFit() { return this.zoom === 1; }

  fit() {
    Object.assign(this, { zoom: 1, x: this.columns / 2, y: this.rows / 2 });
    this.#held = null;
  }

  save() { return { zoom: this.zoom, x: this.x, y: this.y, held: this.#held }; }

  resume({ zoom, x, y, held }) {
    Object.assign(this, { zoom, x, y });
    this.#settle();
    this.#held = held;
  }

  toScreen(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  /** [column, row] of a frame's sample under a point of the screen; outside the frame where the point is. */
  sampleAt(point, frame) {
    const [x, y] = this.toImage(...point);
    return [Math.floor((x * frame.columns) / this.columns), Math.floor((y * frame.rows) / this.rows)];
  }

  toImage(left, top) {
    return [(left - this.width / 2) / this.scale + this.x, (top - this.height / 2) / this.scale + this.y];
  }

  /** Zooms by a factor, keeping the image point under (left, top) where it is. */
  zoomAt(factor, left = this.width / 2, top = this.height / 2) {
    const [x, y] = this.toImage(left, top);
    const most = Math.max(1, Math.min(this.columns, this.rows) / MOST_ZOOMED);
    this.zoom = clamp(this.zoom * factor, 1, most);
    if (this.zoom - 1 < 1e-3) this.zoom = 1;
    this.x = x - (left - this.width / 2) / this.scale;
    this.y = y - (top - this.height / 2) / this.scale;
    this.#settle();
  }

  panBy(dx, dy) {
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
    this.#settle();
  }

  // The image never leaves the screen: an axis with room to spare is centred, the other stops at its edges.
  #settle() {
    this.#held = null;
    const halfX = this.width / this.scale / 2;
    const halfY = this.height / this.scale / 2;
    this.x = halfX * 2 >= this.columns - HAIR ? this.columns / 2 : clamp(this.x, halfX, this.columns - halfX);
    this.y = halfY * 2 >= this.rows - HAIR ? this.rows / 2 : clamp(this.y, halfY, this.rows - halfY);
  }

  /** [x0, y0, x1, y1] in whole image pixels, every pixel at least partly visible; null for all of it. */
  region() {
    if (this.#held) return [...this.#held];
    const region = this.#visible();
    const whole = region[0] === 0 && region[1] === 0 && region[2] === this.columns && region[3] === this.rows;
    return whole ? null : region;
  }

  #visible() {
    const [left, top] = this.toImage(0, 0);
    const [right, bottom] = this.toImage(this.width, this.height);
    return [
      Math.max(0, Math.floor(left + HAIR)), Math.max(0, Math.floor(top + HAIR)),
      Math.min(this.columns, Math.ceil(right - HAIR)), Math.min(this.rows, Math.ceil(bottom - HAIR)),
    ];
  }

  /**
   * Shows a region again, as large as the screen allows. While the screen has the shape it had, region()
   * gives back exactly this region; on another shape it gives what is truly visible.
   */
  showRegion(region) {
    this.fit();
    if (!region) return;
    const [x0, y0, x1, y1] = region;
    const scale = Math.min(this.width / (x1 - x0), this.height / (y1 - y0));
    this.zoom = Math.max(1, scale / this.fitScale);
    this.x = (x0 + x1) / 2;
    this.y = (y0 + y1) / 2;
    this.#settle();
    if (this.#visible().every((edge, i) => Math.abs(edge - region[i]) <= 1)) this.#held = [...region];
  }
}
