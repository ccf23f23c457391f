// Knows the column of small pictures beside the image: one per series when there are several, and about eight
// frames of the active series below. Knows where thumbnails live; nothing of full-depth frames.
import { make } from "./dom.js";
import { rove } from "./roving.js";

const MOST_FRAMES = 8;

/** Frame numbers spread evenly over the series, first and last included. */
export function spread(frames, most = MOST_FRAMES) {
  if (frames <= most) return Array.from({ length: frames }, (_, index) => index);
  return Array.from({ length: most }, (_, index) => Math.round((index * (frames - 1)) / (most - 1)));
}

/** What tells a frame from others of its series, in words, e.g. "Right · Craniocaudal"; "" where nothing does. */
export function labelOf(series, frame, language) {
  const { words, of } = series?.labels ?? {};
  return words?.[of[frame]]?.[language] ?? "";
}

export class Strip {
  #words; #thumbnail; #choose; #series = []; #active = null; #shown = []; #language = "en"; #nearest = -1; #waiting = []; #loading = 0; #renewed = {};

  /** `thumbnail(id, frame)` → URL; `choose(id, frame or null)` when one is clicked. */
  constructor(words, thumbnail, choose) {
    this.#words = words;
    this.#thumbnail = thumbnail;
    this.#choose = choose;
    this.element = make("div", { className: "bv-strip", role: "group" });
    this.element.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const { series, frame } = button.dataset;
      this.#choose(series, frame === undefined ? null : Number(frame));
    });
    rove(this.element);
  }

  setLanguage(language) {
    this.#language = language;
    this.element.setAttribute("aria-label", this.#words("viewer-strip"));
    this.#build();
  }

  setSeries(series, active) {
    this.#series = series;
    this.#active = active;
    this.#build();
  }

  /** The pictures of a series have changed on the server. */
  renew(id) {
    this.#renewed[id] = (this.#renewed[id] ?? 0) + 1;
    this.#build();
  }

  #build() {
    this.#waiting = []; // what was asked for the strip before is no longer wanted
    const several = this.#series.length > 1;
    const active = this.#series.find((one) => one.id === this.#active);
    this.#shown = active && active.frames > 1 ? spread(active.frames) : [];
    const parts = several ? this.#series.map((one, index) => this.#seriesButton(one, index)) : [];
    if (several && this.#shown.length) parts.push(make("span", { className: "bv-divider" }));
    parts.push(...this.#shown.map((frame) => this.#frameButton(active, frame)));
    this.element.replaceChildren(...parts);
    this.element.hidden = parts.length === 0;
    const nearest = this.#nearest;
    this.#nearest = -1;
    this.#mark(nearest);
    this.#loadNext();
  }

  #seriesButton(series, index) {
    const caption = series.caption?.[this.#language] ?? "";
    const label = `${this.#words("viewer-series")} ${index + 1}${caption ? ` · ${caption}` : ""}`;
    return make("button", {
      type: "button", className: "bv-thumb bv-thumb-series", title: label, "aria-label": label,
      "data-series": series.id, "aria-current": series.id === this.#active ? "true" : undefined,
    }, this.#picture(series.id, series.first?.frame ?? Math.floor(series.frames / 2)));
  }

  #frameButton(series, frame) {
    const own = labelOf(series, frame, this.#language);
    const label = `${this.#words("viewer-slice")} ${frame + 1}${own ? ` · ${own}` : ""}`;
    return make("button", {
      type: "button", className: "bv-thumb", title: label, "aria-label": label,
      "data-series": series.id, "data-frame": frame,
    }, this.#picture(series.id, frame));
  }

  #picture(id, frame) {
    const image = make("img", { alt: "", draggable: "false", decoding: "async",
      width: 64, height: 64 });
    const renewed = id in this.#renewed ? `?renewed=${this.#renewed[id]}` : "";
    this.#waiting.push([image, this.#thumbnail(id, frame) + renewed]);
    return image;
  }

  // Two at a time: a browser opens six connections to a server, and the frames themselves come first.
  #loadNext() {
    while (this.#loading < 2 && this.#waiting.length) {
      const [image, url] = this.#waiting.shift();
      const done = (arrived) => {
        image.hidden = !arrived;
        this.#loading -= 1;
        this.#loadNext();
      };
      image.addEventListener("load", () => done(true), { once: true });
      image.addEventListener("error", () => done(false), { once: true });
      this.#loading += 1;
      image.src = url;
    }
  }

  /** Marks the small picture nearest to the frame on the screen. */
  showFrame(frame) {
    if (!this.#shown.length) return;
    const distance = (one) => Math.abs(one - frame);
    this.#mark(this.#shown.reduce((best, one) => (distance(one) < distance(best) ? one : best)));
  }

  #mark(frame) {
    if (frame === this.#nearest) return;
    this.#nearest = frame;
    for (const button of this.element.querySelectorAll("[data-frame]")) {
      const current = Number(button.dataset.frame) === frame;
      button.toggleAttribute("aria-current", current);
      if (current) {
        button.setAttribute("aria-current", "true");
        this.#reveal(button);
      }
    }
  }

  // Scrolls the strip only, never the page.
  #reveal(button) {
    const strip = this.element;
    const outer = strip.getBoundingClientRect();
    const inner = button.getBoundingClientRect();
    if (inner.top < outer.top) strip.scrollTop -= outer.top - inner.top + 8;
    if (inner.bottom > outer.bottom) strip.scrollTop += inner.bottom - outer.bottom + 8;
    if (inner.left < outer.left) strip.scrollLeft -= outer.left - inner.left + 8;
    if (inner.right > outer.right) strip.scrollLeft += inner.right - outer.right + 8;
  }
}
