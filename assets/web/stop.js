// Stop takes Send's place under the pointer: the second click of a double click, meant for Send, must not stop the
// answer it began. Keys are never held back, nor is a pointer that did something else in between.
const GRACE = 600; // milliseconds: a slow double click; less than anyone needs to begin to read

// `since()`: when Stop appeared, on the clock of events. Returns whether a click on Stop was meant for Send.
export function stopGuard(since) {
  let sent = false; // the last thing the reader did was to click on Send

  document.addEventListener("click", (event) => event.detail && !event.target.closest("#stop") && (sent = event.target.closest("#send") !== null), true);
  document.addEventListener("keydown", () => (sent = false), true);
  return (event) => {
    const early = event.detail > 0 && sent && event.timeStamp - since() < GRACE; // no detail: pressed by a key
    if (!early) sent = false;
    return early;
  };
}
