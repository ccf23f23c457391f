// Knows the viewer's elements and where they stand: toolbar, stage with its notices, slider, strip. The whole
// follows the direction of the language, the stage and the slider never do. Knows no frame and no series.
import { make, say } from "./dom.js";
import { icon } from "./icons.js";

const PATIENCE_MS = 150; // what takes longer gets a progress line

export class Layout {
  #words; #patience = 0; #slider; #cine; #track; #empty; #trouble; #progress; #waiting;

  constructor({ words, canvas, corners, strip, toolbar, emptyContent, onRetry, onSlide, onCine }) {
    this.#words = words;
    const phrase = (tag, key, className) => make(tag, { className, "data-words": key });
    this.#empty = make("div", { className: "bv-empty" }, ...(emptyContent ? [emptyContent] : [icon("image"),
      phrase("p", "viewer-empty-title", "bv-empty-title"), phrase("p", "viewer-empty-hint", "bv-empty-hint")]));
    this.#trouble = make("div", { className: "bv-trouble", role: "alert" }, phrase("p", "viewer-failed"),
      make("button", { type: "button", className: "bv-retry", on: { click: onRetry } },
        icon("rotate-cw"), phrase("span", "viewer-retry")));
    this.#progress = make("div", { className: "bv-progress", hidden: "" }, make("div"));
    this.#waiting = make("p", { className: "bv-sr", role: "status" });
    this.stage = make("div", { className: "bv-stage", dir: "ltr", tabindex: "0", role: "application" },
      canvas, make("div", { className: "bv-skeleton" }), corners, this.#progress, this.#empty, this.#trouble,
      this.#waiting);
    this.#slider = make("input", { type: "range", className: "bv-slider", min: 1, step: 1, value: 1,
      on: { input: () => onSlide(Number(this.#slider.value) - 1) } });
    this.#cine = make("button", { type: "button", className: "bv-button bv-cine", "aria-keyshortcuts": "P",
      on: { click: onCine } }, icon("play"));
    this.#track = make("div", { className: "bv-track", dir: "ltr" }, this.#cine, this.#slider);
    this.element = make("section", { className: "basira-viewer" }, toolbar,
      make("div", { className: "bv-room" }, make("div", { className: "bv-main" }, this.stage, this.#track), strip));
  }

  setLanguage(code) {
    const direction = code === "ar" ? "rtl" : "ltr";
    this.element.lang = code;
    for (const part of [this.element, this.#empty, this.#trouble]) part.dir = direction;
    this.element.setAttribute("aria-label", this.#words("viewer-name"));
    this.#slider.setAttribute("aria-label", this.#words("viewer-slice"));
    for (const part of this.element.querySelectorAll("[data-words]")) say(part, this.#words(part.dataset.words));
  }

  /** On: a progress line once it has taken a while, and a skeleton where there is no image yet. */
  wait(on) {
    clearTimeout(this.#patience);
    this.progress(0);
    if (on) this.#patience = setTimeout(() => this.#showWaiting(true), PATIENCE_MS);
    else this.#showWaiting(false);
  }

  #showWaiting(on) {
    this.#progress.hidden = !on;
    this.element.classList.toggle("bv-loading", on);
    say(this.#waiting, on ? this.#words("viewer-loading") : "");
  }

  /** `part` of the frame has arrived, 0 to 1. */
  progress(part) {
    this.#progress.firstChild.style.width = `${Math.round(10 + part * 90)}%`;
  }

  /** `reserved`: slider and strip will come, so their room is kept and the image does not move when they do. */
  show({ empty, bare, failed, reserved, tool, frames, index, playing, caption }) {
    const { classList } = this.element;
    classList.toggle("bv-is-empty", empty);
    classList.toggle("bv-bare", bare);
    classList.toggle("bv-failed", failed);
    this.stage.dataset.tool = tool;
    const help = this.#words("viewer-help");
    this.stage.setAttribute("aria-label", empty ? this.#words("viewer-empty-title") : `${caption}. ${help}`);
    classList.toggle("bv-reserved", Boolean(reserved));
    this.#track.hidden = frames < 2 && !reserved;
    this.#slider.max = Math.max(1, frames);
    this.#slider.value = index + 1;
    this.#slider.setAttribute("aria-valuetext", `${index + 1} / ${frames}`);
    this.#slider.style.setProperty("--at", frames > 1 ? index / (frames - 1) : 0);
    this.#showCine(playing ? "pause" : "play");
  }

  #showCine(name) {
    if (this.#cine.firstChild.dataset.icon !== name) this.#cine.replaceChildren(icon(name));
    const label = this.#words(`viewer-${name}`);
    this.#cine.setAttribute("aria-label", label);
    this.#cine.title = `${label} (P)`;
  }
}
