// Building elements. Text goes in as text; HTML only where a caller says so and the server made it safe.

export function node(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// An icon of assets/icons as a mask, so that it takes the colour of the text around it.
export function icon(name) {
  const made = node("span", { class: "icon", "aria-hidden": "true" });
  made.style.setProperty("--icon", `url(/page/icons/${name}.svg)`);
  return made;
}
