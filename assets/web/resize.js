// The edge between image and conversation: dragged or moved by arrow keys, remembered. Knows one width.
import { node } from "./dom.js";
import { onSpeak, say } from "./words.js";

const LEAST = 340;
const MOST = 760;
const USUAL = 456;
const STEP = 24;

export function drawResizer() {
  const root = document.documentElement;
  const edge = node("div", { class: "resizer", role: "separator", tabindex: "0", "aria-orientation": "vertical" });
  const label = () => edge.setAttribute("aria-label", say("resize-conversation"));

  function set(width, keep = true) {
    const chosen = Math.round(Math.min(MOST, Math.max(LEAST, width)));
    root.style.setProperty("--talk", `${chosen}px`);
    edge.setAttribute("aria-valuenow", String(chosen));
    if (!keep) return;
    try {
      localStorage.setItem("basira-talk", String(chosen));
    } catch {
      // storage may be forbidden; the width then lasts until the page closes
    }
  }

  const width = () => document.getElementById("talk").getBoundingClientRect().width;
  const outward = () => (root.dir === "rtl" ? 1 : -1); // the conversation is at the inline end
  edge.addEventListener("pointerdown", (event) => {
    edge.setPointerCapture(event.pointerId);
    const from = event.clientX;
    const start = width();
    const move = (moved) => set(start + outward() * (moved.clientX - from));
    edge.addEventListener("pointermove", move);
    edge.addEventListener("lostpointercapture", () => edge.removeEventListener("pointermove", move), { once: true });
  });
  edge.addEventListener("dblclick", () => set(USUAL));
  edge.addEventListener("keydown", (event) => {
    const towards = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (towards) set(width() + outward() * towards * STEP);
  });
  edge.setAttribute("aria-valuemin", String(LEAST));
  edge.setAttribute("aria-valuemax", String(MOST));
  let kept = NaN;
  try {
    kept = Number(localStorage.getItem("basira-talk") ?? NaN);
  } catch {
    // as above
  }
  edge.setAttribute("aria-valuenow", String(USUAL));
  if (Number.isFinite(kept)) set(kept, false);
  onSpeak(label);
  label();
  return edge;
}
