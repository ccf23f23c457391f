// Sentences in the language the page speaks now. Knows the catalogue in the page's head; draws nothing.
import { inline } from "./order.js";

const catalogue = JSON.parse(document.getElementById("basira-words").textContent);
const listeners = new Set();
let code = document.documentElement.lang in catalogue ? document.documentElement.lang : "en";

export const language = () => code;

// The sentence of `key` now; an unknown key shows itself, so that a missing one is seen in a test.
export const say = (key) => catalogue[code][key] ?? key;

// Words of a file, a person or the server, to stand among the page's: every number and sign in its own order.
export const inOrder = (text) => inline(text, document.documentElement.dir === "rtl" ? "rtl" : "ltr");

// The side of a value the server wrote in every language, { en, ar }, as it is shown.
export const pick = (sentence) => (sentence ? inOrder(sentence[code] ?? sentence.en ?? "") : "");

export const both = (key) => Object.fromEntries(Object.keys(catalogue).map((each) => [each, catalogue[each][key] ?? key]));

export const has = (key) => key in catalogue[code];

export function onSpeak(listener) {
  listeners.add(listener);
}

export function speak(wanted) {
  if (!(wanted in catalogue)) return code;
  const changed = wanted !== code;
  code = wanted;
  document.documentElement.lang = code;
  document.documentElement.dir = code === "ar" ? "rtl" : "ltr";
  document.title = say("page-title");
  document.cookie = `basira_language=${code}; path=/; max-age=31536000; samesite=lax`;
  if (changed) for (const listener of listeners) listener(code);
  return code;
}
