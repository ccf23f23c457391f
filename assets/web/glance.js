// Which of the chosen files is shown before all of them are there, and what the server makes of it. Knows the route of
// first looks; knows nothing of the viewer, and of files only their names, sizes and, of one, its first bytes.

const MOST = 64 << 20; // bytes; a larger file would take as long as the whole (app/preview.py)
const TRIES = 3; // of many files: the middle one, then others; some may be no picture
const LARGE = 1 << 20; // one file by itself is there at once below this
const JPEG_2000 = /1\.2\.840\.10008\.1\.2\.4\.9[0-3]/; // whose small versions come first, see dicom/decoders.py

/** {index among `files`, series, header, buffer}, or null where nothing can be shown ahead. Rejects only when aborted. */
export async function glance(files, signal) {
  for (const index of await candidates(files)) {
    const sending = { method: "POST", headers: { "content-type": "application/octet-stream" }, body: files[index], signal };
    const answer = await fetch("/api/preview", sending).catch(() => null);
    signal?.throwIfAborted();
    if (answer?.status !== 200) continue;
    const [header, series] = ["frame", "series"].map((name) => JSON.parse(answer.headers.get(`x-basira-${name}`)));
    return { index, series, header, buffer: await answer.arrayBuffer() };
  }
  return null;
}

async function candidates(files) {
  if (files.length === 1) return files[0].size > LARGE && files[0].size <= MOST && (await isJpeg2000(files[0])) ? [0] : [];
  const order = new Intl.Collator("en", { numeric: true });
  const fit = [...files.keys()].filter((index) => files[index].size > 0 && files[index].size <= MOST);
  fit.sort((a, b) => order.compare(files[a].name, files[b].name));
  const places = [0.5, 0.25, 0.75].slice(0, TRIES).map((part) => fit[Math.floor(fit.length * part)]);
  return [...new Set(places)].filter((index) => index !== undefined);
}

const isJpeg2000 = async (file) => JPEG_2000.test(await file.slice(0, 4096).text().catch(() => ""));
