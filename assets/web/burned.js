// Text in the pictures themselves: asks the server to look, says what was seen of the series on the screen, and has it
// painted over. Knows the routes; knows no pixel.
import { icon, node } from "./dom.js";
import { both, onSpeak, pick, say } from "./words.js";

const AGAIN_MS = 2000; // while a series is still being read nobody can look at it

export function drawBurned(part, room) {
  const text = node("p", { class: "burned-text" });
  const mask = node("button", { type: "button", class: "ghost burned-mask", onclick: () => paint(false) });
  const corners = node("button", { type: "button", class: "ghost burned-corners", onclick: () => paint(true) });
  const hide = node("button", { type: "button", class: "quiet icon-button burned-hide", onclick: () => dismiss() }, icon("x"));
  const box = node("div", { class: "burned", role: "status", hidden: true }, icon("triangle-alert"), text,
    node("div", { class: "burned-acts" }, mask, corners), hide);
  part.element.firstElementChild.append(box);
  let shown = null; // the series the note is about
  const working = new Set();

  for (const [event, on] of [["pointerenter", true], ["focus", true], ["pointerleave", false], ["blur", false]]) {
    corners.addEventListener(event, () => room.viewer?.marks.redraw({ bands: on && !box.hidden }));
  }

  function draw() {
    shown = room.activeSeries();
    const told = shown?.text;
    box.hidden = !told?.sentence || told.hidden;
    if (!told) return;
    const busy = working.has(shown.id);
    text.textContent = busy ? say("burned-working") : pick(told.sentence);
    mask.textContent = say("burned-mask");
    mask.hidden = told.state !== "seen";
    corners.textContent = say(mask.hidden ? "burned-only-corners" : "burned-mask-corners");
    corners.hidden = told.corners;
    mask.disabled = corners.disabled = busy;
    hide.setAttribute("aria-label", say("burned-hide"));
    hide.title = say("burned-hide");
  }

  function dismiss() {
    shown.text.hidden = true;
    draw();
    room.viewer?.marks.redraw();
  }

  // The page may hold the series anew since it was asked about.
  function learned(id, answer) {
    for (const series of room.series) if (series.id === id) series.text = answer;
    draw();
    room.viewer?.marks.redraw();
  }

  async function paint(bands) {
    const series = shown;
    working.add(series.id);
    draw();
    try {
      const answer = await fetch(`/api/series/${series.id}/mask`, {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ corners: bands }),
      });
      const said = await answer.json().catch(() => ({}));
      if (!answer.ok) throw Object.assign(new Error(String(answer.status)), { sentence: said.sentence });
      learned(series.id, said);
      room.viewer?.reload(series.id);
    } catch (error) {
      room.tell({ kind: "error", sentence: error.sentence ?? both("burned-failed"), stays: true });
    } finally {
      working.delete(series.id);
      draw();
    }
  }

  // One series after another; what cannot be looked at yet is asked about again a little later.
  let seeking = false;
  const asked = new Set();
  async function seek() {
    if (seeking) return;
    seeking = true;
    try {
      for (let series = unknown(); series; series = unknown()) {
        const answer = await fetch(`/api/series/${series.id}/text`, { method: "POST" });
        if (answer.status !== 409) asked.add(series.id);
        if (answer.ok) learned(series.id, await answer.json());
        else if (answer.status === 409) await new Promise((later) => setTimeout(later, AGAIN_MS));
        else learned(series.id, {}); // erased meanwhile, or refused: it is asked about when it is opened again
      }
    } catch {
      asked.clear(); // the server is away: the page says so elsewhere; another one may be able to look
    } finally {
      seeking = false;
    }
  }
  const unlooked = (series) => series.text.state === "unlooked" && !asked.has(series.id); // another time it may go
  const unknown = () => room.series.find((series) => !series.text || unlooked(series));

  room.drawBurned = () => {
    draw();
    seek();
  };
  onSpeak(draw);
  room.drawBurned();
}
