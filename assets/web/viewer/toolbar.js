// Knows the row above the image: tools, actions and window presets. It follows the direction of the page (in
// Arabic the row starts at the right); its icons are not mirrored. Knows nothing of pixels.
import { make } from "./dom.js";
import { icon } from "./icons.js";
import { rove } from "./roving.js";

export const TOOLS = ["window", "move", "scroll"]; // what dragging does
const FADE = 26; // CSS pixels at an end of the presets where more are hidden
const LOOKS = { window: "contrast", move: "move", scroll: "layers" };
const KEYS = { window: "W", move: "Z", scroll: "S", fit: "F", reset: "0", invert: "I", overlay: "O" };

export class Toolbar {
  #words; #buttons = {}; #presets = []; #presetRow; #pressed = -1; #language = "en";

  /** `actions`: {tool(name), fit(), reset(), invert(), overlay(), preset(index)}. */
  constructor(words, actions) {
    this.#words = words;
    const tools = make("div", { className: "bv-tools" });
    for (const name of TOOLS) tools.append(this.#button(name, LOOKS[name], () => actions.tool(name)));
    tools.append(
      make("span", { className: "bv-divider" }),
      this.#button("fit", "maximize", actions.fit),
      this.#button("reset", "rotate-ccw", actions.reset),
      this.#button("invert", "eclipse", actions.invert),
      this.#button("overlay", "square-dashed", actions.overlay),
    );
    this.#presetRow = make("div", { className: "bv-presets", role: "group" });
    this.#presetRow.addEventListener("click", (event) => {
      const chip = event.target.closest("button");
      if (chip) actions.preset(Number(chip.dataset.index));
    });
    this.#presetRow.addEventListener("scroll", () => this.#fade(), { passive: true });
    new ResizeObserver(() => this.#bringPressed()).observe(this.#presetRow);
    this.element = make("div", { className: "bv-toolbar", role: "toolbar" }, tools, this.#presetRow);
    rove(tools);
    rove(this.#presetRow);
  }

  #button(name, shape, act) {
    const button = make("button", { type: "button", className: "bv-button", "data-action": name,
      "aria-keyshortcuts": KEYS[name], on: { click: act } }, icon(shape));
    this.#buttons[name] = button;
    return button;
  }

  setLanguage(language) {
    this.#language = language;
    this.element.setAttribute("aria-label", this.#words("viewer-toolbar"));
    this.#presetRow.setAttribute("aria-label", this.#words("viewer-presets"));
    for (const [name, button] of Object.entries(this.#buttons)) {
      const label = this.#words(TOOLS.includes(name) ? `viewer-tool-${name}` : `viewer-${name}`);
      button.setAttribute("aria-label", label);
      button.title = `${label} (${KEYS[name]})`;
    }
    this.setPresets(this.#presets);
  }

  /** What is offered on the image on the screen: the same chips are left as they are. */
  offer(presets) {
    const names = (list) => JSON.stringify(list.map(({ key, explanation }) => [key, explanation]));
    if (names(presets) !== names(this.#presets)) this.setPresets(presets);
  }

  /** The presets, the first nine with the digit that chooses them. */
  setPresets(presets) {
    this.#presets = presets;
    this.#presetRow.replaceChildren(...presets.map((preset, index) => make(
      "button",
      { type: "button", className: "bv-chip", "data-index": index, "data-preset": preset.key,
        "aria-keyshortcuts": index < 9 ? String(index + 1) : null, "aria-pressed": "false" },
      ...(index < 9 ? [make("kbd", { text: String(index + 1), dir: "ltr" })] : []),
      make("span", { text: this.#label(preset), dir: "auto" }),
    )));
    this.#pressed = -1;
    this.#fade();
  }

  #label({ key, label, stem, number, explanation }) {
    if (!stem) return label?.[this.#language] ?? label?.en ?? key;
    const name = this.#words(`preset-${stem}`).replace("{number}", number);
    return explanation ? `${name} · ${this.#words(`preset-${explanation}`)}` : name;
  }

  /** Both ends of the row say whether it goes on there. Sides of the screen: right for either direction. */
  #fade() {
    const row = this.#presetRow;
    const beyond = row.scrollWidth - row.clientWidth;
    const before = getComputedStyle(row).direction === "rtl" ? beyond + row.scrollLeft : row.scrollLeft;
    row.style.setProperty("--fade-left", before > 1 ? `${FADE}px` : "0px");
    row.style.setProperty("--fade-right", beyond - before > 1 ? `${FADE}px` : "0px");
  }

  /** Scrolls only the row: scrollIntoView would also move the page around it. */
  #bringPressed() {
    const row = this.#presetRow;
    const chip = row.children[this.#pressed]?.getBoundingClientRect();
    const seen = row.getBoundingClientRect();
    if (chip && chip.left < seen.left + FADE) row.scrollLeft -= seen.left + FADE - chip.left;
    else if (chip && chip.right > seen.right - FADE) row.scrollLeft += chip.right - seen.right + FADE;
    this.#fade();
  }

  /** What is on: {tool, preset index or -1, fit, inverted, overlay, color, frames, hasOverlay, empty}. */
  show(state) {
    for (const name of TOOLS) this.#buttons[name].setAttribute("aria-pressed", String(state.tool === name));
    this.#buttons.window.disabled = state.empty || state.color;
    this.#buttons.invert.disabled = state.empty || state.color;
    this.#buttons.move.disabled = this.#buttons.reset.disabled = state.empty;
    this.#buttons.fit.disabled = state.empty || state.fit;
    this.#buttons.scroll.hidden = !(state.frames > 1);
    this.#buttons.overlay.hidden = !state.hasOverlay;
    this.#buttons.invert.setAttribute("aria-pressed", String(state.inverted));
    this.#buttons.overlay.setAttribute("aria-pressed", String(state.overlay));
    for (const chip of this.#presetRow.children) {
      chip.setAttribute("aria-pressed", String(Number(chip.dataset.index) === state.preset));
    }
    if (state.preset === this.#pressed) return; // where the reader scrolled the row to, it stays
    this.#pressed = state.preset;
    this.#bringPressed();
  }
}
