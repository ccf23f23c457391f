// The shelf on small screens: over the room, until something is chosen or the reader taps beside it.
export function prepareShelf(room) {
  const root = document.documentElement;

  room.openShelf = (open) => {
    const was = root.dataset.shelf === "open";
    root.dataset.shelf = open ? "open" : "closed";
    const button = document.querySelector(".shelf-button");
    button?.setAttribute("aria-expanded", String(open));
    if (was && !open) button?.focus();
  };

  const beside = document.createElement("div");
  beside.className = "shelf-backdrop";
  beside.addEventListener("click", () => room.openShelf(false));
  document.body.append(beside);
  window.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && root.dataset.shelf === "open") room.openShelf(false);
  });
}
