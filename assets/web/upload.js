// Files in: by button, drop or paste, with progress; knows the upload route and nothing of pixels.
import { Arrival } from "./arrival.js";
import { icon, node } from "./dom.js";
import { isLitter } from "./litter.js";
import { filesPasted } from "./pasting.js";
import { drawProgress } from "./progress.js";
import { both, onSpeak, say } from "./words.js";

export function drawUpload(part, room) {
  // The button speaks for it; it must exist for dropping a path on it and for programs that fill it.
  const input = node("input", { type: "file", multiple: true, tabindex: "-1", "aria-hidden": "true" });
  const label = node("span");
  const button = node("button", { type: "button", class: "quiet add-images", onclick: () => input.click() }, icon("image-plus"), label);
  const progress = drawProgress();
  part.element.firstElementChild.append(input, button);
  part.element.closest("#reading").append(progress.element); // over the image
  let busy = Promise.resolve();

  function draw() {
    label.textContent = say("add-images");
    button.title = say("add-images-title");
    input.setAttribute("aria-label", say("add-images"));
  }

  // One upload after another, each into the place it was chosen in: `request` gets that conversation and gives
  // {url, body}. `files`: those that go up with it; their names are told back to the reader who sent several and never
  // leave the page.
  function send(place, request, files = []) {
    busy = busy.then(() => follow(place, request, files));
    return busy;
  }

  async function follow(place, request, files) {
    const names = files.map((file) => file.name);
    let conversation; // what is told about these files stays with it, wherever the reader has gone meanwhile
    const here = () => room.conversation === conversation;
    const refuse = (sentence, name) => room.tell({ kind: "error", sentence, names: name ? [name] : [], stays: true, conversation });
    const came = []; // series of these files
    const arrival = new Arrival(files, {
      progress: progress.show,
      early: (picture) => here() && room.showEarly(picture, { of: files.length }),
      event: (event) => {
        if (event.event === "series") came.push(arrived(event, conversation));
        if (event.event === "refused" && !arrival.calledOff) refuse(event.sentence, names.length > 1 ? names[event.name_index] : undefined);
      },
    });
    progress.begin(files.reduce((sum, file) => sum + file.size, 0), files.length ? () => arrival.callOff() : null);
    try {
      conversation = await room.nameOf(place);
      const refusal = await arrival.carry((sending) => request(conversation, sending));
      if (refusal) refuse(refusal);
    } catch {
      if (!arrival.calledOff) refuse(both("upload-failed"));
    } finally {
      if (arrival.calledOff) await takeBack(came, conversation);
      if (here()) room.dropEarly();
      progress.hide();
      input.value = "";
    }
  }

  // Called off: what was read of these files goes again, here and in the record, but for what was asked about.
  async function takeBack(came, conversation) {
    let failed = false;
    for (const id of came) {
      const answer = await fetch(`/api/series/${id}`, { method: "DELETE" }).catch(() => null);
      const gone = answer?.status === 404 || (answer?.ok && (await answer.json()).erased);
      if (gone && room.conversation === conversation) room.removeSeries(id);
      failed ||= !gone && !answer?.ok; // else a question was asked about it
    }
    room.tell({ kind: failed ? "error" : "info", sentence: both(failed ? "upload-not-cancelled" : "upload-cancelled"), conversation });
    part.trigger("taken", { conversation });
  }

  // The reader may have opened another conversation meanwhile; the series is then found in its own.
  function arrived({ series, glanced }, conversation) {
    if (room.conversation === conversation) room.addSeries(series, glanced);
    part.trigger("taken", { conversation });
    return series.id;
  }

  function take(chosen, place = room.here) {
    const files = chosen.filter((file) => !isLitter(file.name));
    room.hush("litter");
    if (chosen.length && !files.length) room.tell({ kind: "litter", sentence: both("upload-only-litter") });
    if (!files.length) return;
    send(place, (conversation, { ticket, glanced }) => {
      const body = new FormData();
      body.append("conversation", conversation);
      if (glanced !== undefined) body.append("glanced", glanced);
      for (const file of files) body.append("files", file, "image"); // a file's name may name a patient: it stays here
      return { url: `/api/upload?ticket=${ticket}`, body };
    }, files);
  }

  input.addEventListener("change", () => take([...input.files]));
  document.addEventListener("paste", (event) => {
    const files = filesPasted(event.clipboardData);
    if (!files.length) return;
    event.preventDefault();
    take(files);
  });
  // Dropped; the reader may go on while folders are walked.
  window.basiraActs.on("files", async (held) => {
    const place = room.here;
    try {
      take(await walked(held), place);
    } catch {
      room.tell({ kind: "error", sentence: both("upload-failed"), stays: true, conversation: place.id || undefined });
    }
  });

  room.chooseFiles = () => input.click();
  room.takeSample = (name) => send(room.here, (conversation) => ({ url: `/api/samples/${encodeURIComponent(name)}?conversation=${conversation}`, body: null }));
  onSpeak(draw);
  draw();
}

// All files of what was dropped, folders walked but for those of an operating system.
const walked = async (held) => (await Promise.all(held.map(walk))).flat();

async function walk(entry) {
  if (entry instanceof File) return [entry];
  if (entry.isDirectory && isLitter(entry.name)) return [];
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!batch.length) return (await Promise.all(found.map(walk))).flat();
    found.push(...batch);
  }
}
