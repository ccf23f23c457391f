// What a reader does with the page as a whole, from its first moment on: kept in order until somebody can do it.
// No module and nothing to wait for: an act that comes before the page is ready is not lost. Knows no conversation.
(() => {
  const waiting = [];
  const doers = new Map();

  function act(name, value) {
    waiting.push([name, value]);
    work();
  }

  function work() {
    while (waiting.length && doers.has(waiting[0][0])) {
      const [name, value] = waiting.shift();
      doers.get(name)(value);
    }
  }

  window.basiraActs = {
    on(name, doer) {
      doers.set(name, doer);
      work();
    },
  };

  // In the capture phase: at the moment of the act, before anything that its element itself sets in motion.
  const on = (kind, doer) => document.addEventListener(kind, doer, true);
  on("change", (event) => event.target.closest?.("#language") && act("speak", event.target.value));
  on("click", (event) => {
    if (event.target.closest?.("#new-conversation")) act("leave");
    if (event.target.closest?.("#stop")) act("stop", event);
  });
  const dropping = (on) => (document.documentElement.dataset.dropping = on ? "yes" : "no");
  on("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    dropping(true);
  });
  on("dragleave", (event) => event.relatedTarget === null && dropping(false));
  on("drop", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    dropping(false);
    // What a drop holds must be taken hold of at once; its folders can be walked later.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    act("files", entries.length ? entries : [...event.dataTransfer.files]);
  });
})();
