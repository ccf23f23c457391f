// What is being typed and not yet sent, kept in this tab through reloads. Knows keys and values, no screen.

// `name`: one kind of draft, e.g. of questions. Storage may be forbidden; drafts then last until the page closes.
export function drafts(name) {
  let kept = {};
  try {
    kept = JSON.parse(sessionStorage.getItem(name)) ?? {};
  } catch {
    // as above
  }

  function save() {
    try {
      sessionStorage.setItem(name, JSON.stringify(kept));
    } catch {
      // as above
    }
  }

  return {
    of: (key) => kept[key],
    put(key, value) {
      if (value) kept[key] = value;
      else delete kept[key];
      save();
    },
  };
}
