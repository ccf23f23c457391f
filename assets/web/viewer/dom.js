// Knows how to make the viewer's elements in one expression. Text only ever enters as text.

/** An element with class, attributes and children; `text` is set as textContent. */
export function make(tag, { className, text, on, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) element.setAttribute(name, value);
  }
  for (const [type, listener] of Object.entries(on ?? {})) element.addEventListener(type, listener);
  element.append(...children);
  return element;
}

/** Sets text only when it differs: corner texts are written on every pointer move. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
