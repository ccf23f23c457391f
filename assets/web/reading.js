// The image side of the page: the viewer with the conversation's series, and the facts under it.
import { icon, node } from "./dom.js";
import { onSpeak, pick, say } from "./words.js";
import { isWriting } from "./viewer/keys.js";
import { mountViewer } from "./viewer/viewer.js";
import { actSlot } from "./welcome.js";

export function drawReading(part, room) {
  const viewer = mountViewer(part.element.firstElementChild, {
    base: "",
    words: (key) => say(key),
    language: document.documentElement.lang,
    emptyContent: actSlot(room),
    onView: () => changed(),
    onCaption: () => room.drawFacts?.(), // at once: words must not stand under another image than theirs
  });
  let active = null;
  room.viewer = viewer; // for the note about text in the image, tests and measurements

  function changed() {
    const now = room.activeSeries()?.id ?? null;
    if (now !== active) {
      active = now;
      room.seriesChanged();
      room.drawFacts?.();
    }
    room.drawBurned?.();
    room.viewChanged();
  }

  room.view = () => viewer.view();
  room.caption = () => viewer.caption();
  room.picture = () => viewer.picture(96);
  room.activeSeries = () => viewer.early ?? room.series.find((series) => series.id === viewer.view()?.series) ?? null;
  room.showSeries = (series, { reopened }) => {
    // The page keeps its shape until it is known whether the conversation being opened has images.
    if (room.here.opened) document.documentElement.dataset.images = series.length ? "yes" : "no";
    if (reopened) viewer.clear();
    if (series.length || !room.early()) viewer.setSeries(series);
    changed();
  };
  // `glanced`: the frame of it that is on the screen already.
  room.addSeries = (series, glanced = null) => {
    room.series = [...room.series.filter((each) => each.id !== series.id), series];
    document.documentElement.dataset.images = "yes";
    viewer.show(series, { ...series.first, glanced });
    takeFocus();
    changed();
  };
  // What arrives can be worked with by keyboard at once, unless somebody is writing.
  function takeFocus() {
    if (!isWriting(document.activeElement)) viewer.focus();
  }
  // A picture of files that are still on their way: to be looked at, not yet to be asked about.
  room.showEarly = ({ series, header, buffer }, { of }) => {
    document.documentElement.dataset.images = "yes";
    viewer.showEarly(series, header, buffer, { of });
    takeFocus();
    changed();
  };
  room.early = () => viewer.early !== null;
  room.dropEarly = () => {
    if (!room.early()) return;
    viewer.dropEarly();
    document.documentElement.dataset.images = room.series.length ? "yes" : "no";
    changed();
  };
  room.removeSeries = (id) => {
    room.showSeries(room.series = room.series.filter((series) => series.id !== id), { reopened: false });
  };
  room.restoreView = (view) => {
    viewer.restore(view);
    changed();
  };
  onSpeak((code) => viewer.setLanguage(code));
  if (room.series.length) room.showSeries(room.series, { reopened: true });
}

export function drawFacts(part, room) {
  const line = node("span", { class: "facts-line" });
  part.element.firstElementChild.append(line);

  let drawn = "";

  function draw() {
    const series = room.activeSeries();
    const caption = series ? pick(room.caption() ?? series.caption) : "";
    const warnings = (series?.warnings ?? []).map(pick);
    if (drawn === JSON.stringify([caption, warnings])) return; // most images of a series are described alike
    drawn = JSON.stringify([caption, warnings]);
    line.replaceChildren(caption, ...warnings.map((words) => node("span", { class: "warning", title: words }, icon("triangle-alert"), node("span", {}, words))));
  }

  room.drawFacts = draw;
  onSpeak(draw);
  draw();
}
