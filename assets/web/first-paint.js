// Language, direction and theme before the first paint. Knows the cookie and the browser's wishes, nothing else.
(() => {
  // Gradio may finish before our module has run; its events wait for this.
  window.basiraReady = new Promise((resolve) => {
    window.basiraIsReady = resolve;
  });
  const root = document.documentElement;
  const kept = document.cookie.match(/(?:^|; )basira_language=(en|ar)/);
  const wished = (navigator.languages || []).map((tag) => tag.slice(0, 2)).find((code) => code === "en" || code === "ar");
  root.lang = kept ? kept[1] : wished || "en";
  root.dir = root.lang === "ar" ? "rtl" : "ltr";
  const light = window.matchMedia("(prefers-color-scheme: light)").matches;
  let theme = null;
  try {
    theme = localStorage.getItem("basira-theme");
  } catch {
    // storage may be forbidden; the theme then follows the system
  }
  root.dataset.theme = theme || (light ? "light" : "dark");
})();
