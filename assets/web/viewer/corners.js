// Knows the texts that lie on the image: window, slice, value under the pointer, scale bar, patient letters.
// They keep their places in every language. Knows nothing of how the image is drawn.
import { make, say } from "./dom.js";
import { written } from "./numbers.js";

const BAR_AT_MOST = 150; // CSS pixels
const ROUND = [1, 2, 5]; // lengths a reader can halve in the head

/** A number with the sign a reader writes: the image is an island from left to right, where it stays in front. */
const signed = (value) => written(value).replaceAll("-", "\u2212");

/** The longest round length that fits, e.g. {pixels: 118, text: "5 cm"}; null without a spacing. */
export function scaleBar(millimetresPerPixel, atMost = BAR_AT_MOST) {
  const most = millimetresPerPixel * atMost;
  if (!(most > 0) || !Number.isFinite(most)) return null;
  const power = 10 ** Math.floor(Math.log10(most));
  const length = power * Math.max(...ROUND.filter((one) => one * power <= most * (1 + 1e-9)));
  return { pixels: length / millimetresPerPixel, text: lengthText(length) };
}

function lengthText(millimetres) {
  if (millimetres >= 10) return `${written(millimetres / 10)} cm`;
  if (millimetres >= 0.5) return `${written(millimetres)} mm`;
  if (millimetres >= 0.0005) return `${written(millimetres * 1000)} µm`;
  return `${written(millimetres * 1e6)} nm`;
}

export class Corners {
  #words;

  constructor(words) {
    this.#words = words;
    const text = (name) => make("span", { className: `bv-text bv-${name}`, "data-corner": name });
    this.window = text("window");
    this.slice = text("slice");
    this.value = text("value");
    this.edges = ["left", "right", "top", "bottom"].map((side) => text(`edge-${side}`));
    this.length = make("span", { className: "bv-length" });
    this.where = make("span", { className: "bv-where" });
    this.bar = make("span", { className: "bv-text bv-scale", "data-corner": "scale" },
      make("span", { className: "bv-rule bv-rule-start" }), this.length,
      make("span", { className: "bv-rule bv-rule-end" }), this.where);
    this.element = make("div", { className: "bv-corners", "aria-hidden": "true" },
      this.window, this.slice, this.value, this.bar, ...this.edges);
  }

  /** Everything but the pointer's value; `look` null for colour, `table` the VOI LUT shown in a window's stead, `label`
   * what tells this image from others of its series, `spacingAt` where the distance between pixels was measured. */
  show({ look, table, frame, frames, label, edges, millimetresPerPixel, spacingAt }) {
    say(this.window, look ? this.#lookText(look, table) : "");
    say(this.slice, frames > 1 ? [`${frame + 1} / ${frames}`, label].filter(Boolean).join("\n") : "");
    this.edges.forEach((element, index) => say(element, edges[index] ?? ""));
    const bar = scaleBar(millimetresPerPixel);
    this.bar.hidden = bar === null;
    if (!bar) return;
    this.bar.style.width = `${bar.pixels}px`;
    say(this.length, bar.text);
    say(this.where, spacingAt && spacingAt !== "patient" ? this.#words(`spacing-at-${spacingAt}`) : "");
  }

  #lookText({ center, width }, table) {
    if (!table) return `W ${signed(width)}\nL ${signed(center)}`;
    return table.explanation ? `VOI LUT\n${this.#words(`preset-${table.explanation}`)}` : "VOI LUT";
  }

  /** `value` is a number, [r, g, b] or null. */
  showValue(value, unit) {
    if (value === null) say(this.value, "");
    else if (Array.isArray(value)) say(this.value, value.join(" "));
    else say(this.value, unit ? `${signed(value)} ${unit}` : signed(value));
  }
}
