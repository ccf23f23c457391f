// Files in: by button, drop or paste, with progress; knows the upload route and nothing of pixels.
import { icon, node } from "./dom.js";
import { both, onSpeak, say } from "./words.js";

export function drawUpload(part, room) {
  // The button speaks for it; it must exist for dropping a path on it and for programs that fill it.
  const input = node("input", { type: "file", multiple: true, tabindex: "-1", "aria-hidden": "true" });
  const label = node("span");
  const button = node("button", { type: "button", class: "quiet add-images", onclick: () => input.click() }, icon("image-plus"), label);
  const bar = node("progress", { max: "1", value: "0" });
  const words = node("span", { class: "muted", role: "status" });
  const progress = node("div", { class: "reading-progress", hidden: true }, bar, words);
  part.element.firstElementChild.append(input, button, progress);
  let busy = Promise.resolve();

  function draw() {
    label.textContent = say("add-images");
    button.title = say("add-images-title");
    input.setAttribute("aria-label", say("add-images"));
    if (!progress.hidden) advance(...reached);
  }

  let reached = [0, 0];

  function advance(done, total) {
    reached = [done, total];
    progress.hidden = false;
    if (total > 0) bar.value = done / total;
    else bar.removeAttribute("value");
    words.replaceChildren(say("reading-files"), ...(total > 1 ? [" ", node("bdi", { dir: "ltr" }, `${done} / ${total}`)] : []));
  }

  // One upload after another: `request` gets the conversation and gives [url, body]. `names` are the files' names,
  // told back to the reader who sent several; they never leave the page.
  function send(request, names = []) {
    busy = busy.then(() => follow(request, names));
    return busy;
  }

  async function follow(request, names) {
    advance(0, 0);
    let conversation; // what is told about these files stays with it, wherever the reader has gone meanwhile
    const refuse = (sentence, name) => room.tell({ kind: "error", sentence, names: name ? [name] : [], stays: true, conversation });
    try {
      conversation = await room.ensureConversation();
      const [url, body] = request(conversation);
      const answer = await fetch(url, { method: "POST", body });
      if (!answer.ok) {
        const refusal = await answer.json().catch(() => null);
        if (!refusal?.sentence) throw new Error(String(answer.status));
        refuse(refusal.sentence);
        return;
      }
      let whole = false;
      for await (const event of lines(answer.body)) {
        if (event.event === "progress") advance(event.done, event.total);
        if (event.event === "refused") refuse(event.sentence, names.length > 1 ? names[event.name_index] : undefined);
        if (event.event === "series") arrived(event.series, conversation);
        if (event.event === "done") whole = true;
      }
      if (!whole) throw new Error("cut short");
    } catch {
      refuse(both("upload-failed"));
    } finally {
      progress.hidden = true;
      input.value = "";
    }
  }

  // The reader may have opened another conversation meanwhile; the series is then found in its own.
  function arrived(series, conversation) {
    if (room.conversation === conversation) room.addSeries(series);
    part.trigger("taken", { conversation });
  }

  function take(files) {
    if (!files.length) return;
    send((conversation) => {
      const body = new FormData();
      body.append("conversation", conversation);
      for (const file of files) body.append("files", file, "image"); // a file's name may name a patient: it stays here
      return ["/api/upload", body];
    }, files.map((file) => file.name));
  }

  input.addEventListener("change", () => take([...input.files]));
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) {
      event.preventDefault();
      take(files);
    }
  });
  const dropping = (on) => (document.documentElement.dataset.dropping = on ? "yes" : "no");
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    dropping(true);
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget === null && dropping(false));
  document.addEventListener("drop", async (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    dropping(false);
    take(await dropped(event.dataTransfer));
  });

  room.chooseFiles = () => input.click();
  room.takeSample = (name) => send((conversation) => [`/api/samples/${encodeURIComponent(name)}?conversation=${conversation}`, null]);
  onSpeak(draw);
  draw();
}

// The lines of an NDJSON body as they come.
async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const line of parts) if (line) yield JSON.parse(line);
  }
}

// All files of a drop, folders walked.
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  return (await Promise.all(entries.map(walk))).flat();
}

async function walk(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!batch.length) return (await Promise.all(found.map(walk))).flat();
    found.push(...batch);
  }
}
