// Stop takes Send's place under the pointer: the second click of a double click, meant for Send, must not stop the
// answer it began. Keys are never held back, nor is a pointer that did something else in between.
const GRACE = 600; // milliseconds: a slow double click; less than anyone needs to begin to read

// `since()`: when Stop appeared, on the clock of events.
export function guardStop(since) {
  let sent = false; // the last thing the reader did was to click on Send

  document.addEventListener(
    "click",
    (event) => {
      if (!event.detail) return; // pressed by a key
      const early = sent && event.timeStamp - since() < GRACE;
      if (early && event.target.closest("#stop")) event.stopImmediatePropagation();
      else sent = event.target.closest("#send") !== null;
    },
    true,
  );
  document.addEventListener("keydown", () => (sent = false), true);
}
