// Knows how full-depth frames are fetched, unpacked and kept within a byte budget.
// Knows nothing of how they are shown.

const SAMPLES = { int16: Int16Array, uint16: Uint16Array, float32: Float32Array, rgb8: Uint8Array };
const ABANDON_BEYOND = 6; // frames away from the wanted one: what fast scrolling left behind is cancelled
const MOST_UNDERWAY = 4; // of the six connections a browser opens to one server

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

/** numpy.packbits order: the first pixel is the highest bit. */
function unpackBits(packed, count) {
  const mask = new Uint8Array(count);
  for (let i = 0; i < count; i += 1) mask[i] = (packed[i >> 3] >> (7 - (i & 7))) & 1;
  return mask;
}

/**
 * Header and body → frame. VOI tables and an overlay travel in the header as base64, or, where they would
 * outgrow what browsers and proxies accept in a header, behind the samples: the tables ("length" bytes each) in
 * their order first, then the packed overlay bits (header.overlay === true).
 */
export function decodeFrame(header, buffer) {
  const Kind = SAMPLES[header.dtype];
  if (!Kind) throw new TypeError(`unknown sample type ${header.dtype}`);
  const pixels = header.rows * header.columns;
  const count = header.dtype === "rgb8" ? pixels * 3 : pixels;
  let offset = count * Kind.BYTES_PER_ELEMENT;
  const samples = new Kind(buffer, 0, count);
  const frame = {
    rows: header.rows, columns: header.columns, samples, color: header.dtype === "rgb8",
    slope: header.slope ?? 1, intercept: header.intercept ?? 0, unit: header.unit ?? "",
    invert: Boolean(header.invert), padding: header.padding ?? null, window: header.window ?? null,
    startsWithTable: Boolean(header.voi_luts?.length) && !header.windows?.length, // as dicom.render's first view
    voiLuts: [], overlay: null, aspect: header.aspect || 1, edges: header.edges ?? ["", "", "", ""],
    windows: header.windows ?? [], spacing: header.spacing_mm ?? null, spacingAt: header.spacing_at ?? "",
    caption: header.caption ?? null, frameTime: header.facts?.frame_time_ms ?? null,
    whole: header.whole ?? null, // [rows, columns] of what this is a reduced one of
  };
  for (const { first, table, length, explanation } of header.voi_luts ?? []) {
    frame.voiLuts.push({ first, explanation, table: table ? bytesOf(table) : new Uint8Array(buffer, offset, length) });
    if (!table) offset += length;
  }
  if (header.overlay) {
    const packed = header.overlay === true ? new Uint8Array(buffer, offset) : bytesOf(header.overlay);
    frame.overlay = unpackBits(packed, pixels);
  }
  frame.bytes = buffer.byteLength + (frame.overlay ? pixels : 0);
  return frame;
}

async function readBody(response, onProgress) {
  const total = Number(response.headers.get("content-length")) || 0;
  if (!response.body || total < 4 << 20) return response.arrayBuffer();
  const bytes = new Uint8Array(total); // large frames only: a bar that moves
  let at = 0;
  for (const reader = response.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return bytes.buffer;
    bytes.set(value, at);
    at += value.length;
    onProgress?.(at / total);
  }
}

export class FrameStore {
  #base; #budget; #kept = new Map(); #bytes = 0; #underway = new Map();

  constructor({ base = "", budget = 256 << 20 } = {}) {
    this.#base = base;
    this.#budget = budget;
  }

  get bytes() { return this.#bytes; }
  get size() { return this.#kept.size; }

  /** A frame already here, or undefined; touching it makes it the youngest. */
  peek(series, index) {
    const key = `${series}/${index}`;
    const frame = this.#kept.get(key);
    if (frame) {
      this.#kept.delete(key);
      this.#kept.set(key, frame);
    }
    return frame;
  }

  /** The frame, fetched at most once at a time. Rejects with AbortError when scrolling left it behind. */
  load(series, index, onProgress) {
    const key = `${series}/${index}`;
    const frame = this.peek(series, index);
    if (frame) return Promise.resolve(frame);
    const known = this.#underway.get(key);
    if (known) {
      known.onProgress = onProgress ?? known.onProgress;
      return known.promise;
    }
    const job = { series, index, abort: new AbortController(), onProgress };
    job.promise = this.#fetch(job).finally(() => {
      if (this.#underway.get(key) === job) this.#underway.delete(key);
    });
    this.#underway.set(key, job);
    return job.promise;
  }

  async #fetch(job) {
    const url = `${this.#base}/api/series/${encodeURIComponent(job.series)}/frames/${job.index}`;
    const response = await fetch(url, { signal: job.abort.signal, credentials: "same-origin" });
    if (!response.ok) throw new Error(`frame ${job.index}: HTTP ${response.status}`);
    const header = JSON.parse(response.headers.get("x-basira-frame"));
    const frame = decodeFrame(header, await readBody(response, (part) => job.onProgress?.(part)));
    this.#keep(`${job.series}/${job.index}`, frame);
    return frame;
  }

  /** A frame that came by another way. */
  put(series, index, frame) { this.#keep(`${series}/${index}`, frame); }

  #keep(key, frame) {
    this.#bytes -= this.#kept.get(key)?.bytes ?? 0;
    this.#kept.set(key, frame);
    this.#bytes += frame.bytes;
    for (const [oldest, old] of this.#kept) {
      if (this.#bytes <= this.#budget || oldest === key) break;
      this.#kept.delete(oldest);
      this.#bytes -= old.bytes;
    }
  }

  /** Fetches the neighbours of a frame that is here, those ahead first. */
  prefetch(series, index, { count, direction = 1 }) {
    for (const step of [1, -1, 2, 3]) {
      const near = index + step * direction;
      if (near < 0 || near >= count || this.#underway.size >= MOST_UNDERWAY) continue;
      this.load(series, near).catch(() => {}); // asked again, and reported, when somebody looks at it
    }
  }

  /** Cancels what fast scrolling left behind. */
  abandon(series, index) {
    for (const [key, job] of this.#underway) {
      if (job.series === series && Math.abs(job.index - index) <= ABANDON_BEYOND) continue;
      this.#underway.delete(key);
      job.abort.abort();
    }
  }

  /** Forgets a series whose frames have changed on the server. */
  forget(series) {
    for (const [key, job] of this.#underway) {
      if (job.series !== series) continue;
      this.#underway.delete(key);
      job.abort.abort();
    }
    for (const [key, frame] of this.#kept) {
      if (!key.startsWith(`${series}/`)) continue;
      this.#kept.delete(key);
      this.#bytes -= frame.bytes;
    }
  }

  clear() {
    this.abandon(null, 0);
    this.#kept.clear();
    this.#bytes = 0;
  }
}
