// What a paste means when it brings both words and files: a spreadsheet or a word processor puts a picture of the
// words beside them, and the words are what was copied; a file manager puts the files' names beside the files.

export function filesPasted(clipboard) {
  const files = [...(clipboard?.files ?? [])];
  const words = clipboard?.getData("text/plain").trim() ?? "";
  return words && !onlyNames(words, files) ? [] : files;
}

function onlyNames(words, files) {
  const names = new Set(files.map((file) => file.name));
  return words.split(/\r?\n/).every((line) => names.has(decoded(line.trim()).split(/[\\/]/).pop()));
}

function decoded(path) {
  try {
    return decodeURIComponent(path); // file:///…/a%20b.dcm
  } catch {
    return path;
  }
}
