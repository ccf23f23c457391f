// Knows how samples become 8-bit greys: modality value, window or VOI LUT, inversion, padding (DICOM PS3.3
// C.11.1, C.11.2, C.7.5.1.1.2). The arithmetic follows dicom/render.py step by step, in the same order and in
// double precision, so that the canvas and the picture the model sees agree byte for byte.
// Knows nothing of the screen, the network or the person looking.

/** Output level 0..1 → byte; NaN shows as 0. The one rounding rule: half up. */
function toByte(level) {
  if (!(level > 0)) return 0;
  return Math.floor(Math.min(level, 1) * 255 + 0.5);
}

/** Modality value → byte for one window (PS3.3 C.11.2.1.2.1, C.11.2.1.3.1, C.11.2.1.3.2). */
export function windowFunction({ center, width, function: kind }) {
  if (kind === "SIGMOID") {
    return (value) => toByte(1 / (1 + Math.exp(Math.min(700, Math.max(-700, (-4 * (value - center)) / width)))));
  }
  if (kind === "LINEAR_EXACT") return (value) => toByte((value - center) / width + 0.5);
  if (width === 1) return (value) => (value > center - 0.5 ? 255 : 0); // a threshold
  return (value) => toByte((value - (center - 0.5)) / (width - 1) + 0.5);
}

/** Modality value → byte through the file's own table (PS3.3 C.11.2.1.1); values beyond it take its ends. */
function tableFunction({ first, table }) {
  const last = table.length - 1;
  return (value) => table[Math.min(last, Math.max(0, Math.floor((value || 0) + 0.5) - first))];
}

/** Stored sample → byte, for one frame under one look {center, width, function, lut, invert}. */
export function greyOfSample(frame, look) {
  const table = frame.voiLuts[look.lut]; // none where look.lut is null, or a number this frame has no table for
  const shade = table ? tableFunction(table) : windowFunction(look);
  const flip = frame.invert !== Boolean(look.invert);
  const { slope, intercept, padding } = frame;
  return (sample) => {
    if (padding && sample >= padding[0] && sample <= padding[1]) return 0; // black, after inversion
    const grey = shade(sample * slope + intercept);
    return flip ? 255 - grey : grey;
  };
}

function rangeOf(samples) {
  let low = samples[0];
  let high = low;
  for (let i = 1; i < samples.length; i += 1) {
    const sample = samples[i];
    if (sample < low) low = sample;
    else if (sample > high) high = sample;
  }
  return [low, high];
}

function lookupTable(frame, look) {
  frame.range ??= rangeOf(frame.samples); // once per frame: the samples never change
  const [low, high] = frame.range;
  const grey = greyOfSample(frame, look);
  const table = new Uint32Array(high - low + 1);
  for (let i = 0; i < table.length; i += 1) table[i] = opaque(grey(low + i));
  return { low, table };
}

const opaque = (grey) => (0xff000000 | (grey << 16) | (grey << 8) | grey) >>> 0;
const OVERLAY = 0xffffffff; // overlay planes are drawn white (PS3.3 C.9.2 leaves the colour open)

/**
 * The whole frame as RGBA bytes under one look; `look.overlay` paints overlay planes white. `step` > 1 takes every step-th row and column: a preview
 * for very large frames while a finger is still moving.
 */
export function paintFrame(frame, look, step = 1) {
  const width = Math.ceil(frame.columns / step);
  const height = Math.ceil(frame.rows / step);
  const image = new ImageData(width, height);
  const out = new Uint32Array(image.data.buffer);
  if (frame.color) paintColor(frame, out, step);
  else if (frame.samples instanceof Float32Array) paintFloat(frame, look, out, step);
  else paintInteger(frame, look, out, step);
  if (frame.overlay && look.overlay) eachPixel(frame, step, (at, from) => { if (frame.overlay[from]) out[at] = OVERLAY; });
  return image;
}

function eachPixel(frame, step, visit) {
  const { rows, columns } = frame;
  let at = 0;
  for (let y = 0; y < rows; y += step) {
    for (let x = 0, from = y * columns; x < columns; x += step, from += step) visit(at++, from);
  }
}

function paintInteger(frame, look, out, step) {
  const { samples } = frame;
  const { low, table } = lookupTable(frame, look);
  if (step === 1) {
    for (let i = 0; i < samples.length; i += 1) out[i] = table[samples[i] - low];
    return;
  }
  eachPixel(frame, step, (at, from) => { out[at] = table[samples[from] - low]; });
}

function paintFloat(frame, look, out, step) {
  const { samples } = frame;
  const grey = greyOfSample(frame, look);
  eachPixel(frame, step, (at, from) => { out[at] = opaque(grey(samples[from])); });
}

function paintColor(frame, out, step) {
  const { samples } = frame;
  eachPixel(frame, step, (at, from) => {
    const i = from * 3;
    out[at] = (0xff000000 | (samples[i + 2] << 16) | (samples[i + 1] << 8) | samples[i]) >>> 0;
  });
}

/** The modality value at one pixel (HU for CT), the three channels for colour, null outside the frame. */
export function valueAt(frame, x, y) {
  if (x < 0 || y < 0 || x >= frame.columns || y >= frame.rows) return null;
  const i = y * frame.columns + x;
  if (frame.color) return Array.from(frame.samples.subarray(i * 3, i * 3 + 3));
  const sample = frame.samples[i];
  if (frame.padding && sample >= frame.padding[0] && sample <= frame.padding[1]) return null;
  return sample * frame.slope + frame.intercept;
}
