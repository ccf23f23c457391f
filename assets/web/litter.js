// Names of what operating systems leave among a person's files: never sent, never spoken of. Knows names, no content.
// The twin of dicom/litter.py; tests/test_litter.py holds the two together.

const NAMES = new Set([
  "__macosx", "icon\r", "icon\uf00d", // macOS; the second as other systems write the first
  "thumbs.db", "ehthumbs.db", "desktop.ini", "autorun.inf", "$recycle.bin", "recycler", "system volume information",
  "@eadir", "#recycle", "@recycle", "@recently-snapshot", "lost+found", // network storage, Linux
]);

/** Whether a file or one of the folders it lies in is a system's own. */
export function isLitter(path) {
  return path.replaceAll("\\", "/").split("/").some((part) =>
    (part.startsWith(".") && part !== "." && part !== "..") || NAMES.has(part.toLowerCase()));
}
