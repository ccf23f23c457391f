// An answer to the clipboard: as HTML, with its tables, bold and directions, and beside it as plain text in which
// every number is isolated.
import { plain, turned } from "./order.js";
import { say } from "./words.js";

export async function copy(text, drawn, button) {
  const words = plain(text);
  try {
    await write(words, asDocument(drawn));
    button.textContent = say("copied");
  } catch {
    button.textContent = say("copy-failed");
  }
}

async function write(words, html) {
  if (!window.ClipboardItem || !navigator.clipboard.write) return navigator.clipboard.writeText(words);
  const parts = { "text/html": new Blob([html], { type: "text/html" }), "text/plain": new Blob([words], { type: "text/plain" }) };
  return navigator.clipboard.write([new ClipboardItem(parts)]);
}

// The drawn answer as other programs read it: without our style, so that what it did stands in the markup.
function asDocument(drawn) {
  const copied = drawn.cloneNode(true);
  for (const arrow of copied.querySelectorAll(".turned")) arrow.replaceWith(turned(arrow.textContent));
  for (const item of copied.querySelectorAll("li.bare")) {
    item.removeAttribute("class");
    item.style.listStyle = "none";
  }
  for (const table of copied.querySelectorAll("table")) table.setAttribute("border", "1");
  for (const run of copied.querySelectorAll("bdi")) { // word processors know the direction of a span
    const span = document.createElement("span");
    span.dir = run.dir;
    span.append(run.dir === "rtl" ? "\u2067" : "\u2066", ...run.childNodes, "\u2069");
    run.replaceWith(span);
  }
  const first = copied.querySelector("[dir]:not(pre)")?.dir ?? "ltr";
  return `<div dir="${first}" lang="${drawn.lang}">${copied.innerHTML}</div>`;
}
