// Knows the looks {center, width, function, lut} an image can have: its own, those its file offers, those that suit
// the whole series, and an automatic one of its values. Knows no reader and no element.

const OF_AN_IMAGE = /^(file|table)-(\d+)$/; // presets by number: the windows and tables each image brings itself

/** A look from a window as a file, a preset or a view has it. */
export function lookOf({ center, width, function: kind, lut }) {
  return { center, width, function: kind ?? "LINEAR", lut: tableOf(lut) };
}

// The number of a VOI LUT, or null. Views kept while only the first could be shown say true and false.
function tableOf(lut) {
  if (lut === true) return 0;
  return Number.isInteger(lut) && lut >= 0 ? lut : null;
}

/** What an image shows with when nothing else is asked for, as dicom.render's first view. */
export function ownLook(frame) {
  return lookOf({ ...(frame.window ?? { center: 128, width: 256 }), lut: frame.startsWithTable ? 0 : null });
}

/** Whether two looks show an image alike: through the same table, or else through the same window. */
export function sameLook(one, other) {
  if (!one || !other) return false;
  const keys = tableOf(one.lut) === null ? ["lut", "center", "width", "function"] : ["lut"];
  const [a, b] = [lookOf(one), lookOf(other)];
  return keys.every((key) => a[key] === b[key]);
}

/**
 * The presets on `frame`: its own windows and tables, then those of the series' list, which are all there is before a
 * frame has come. [{key, label} or {key, stem, number, explanation}]
 */
export function offered(presets = [], frame = null) {
  if (!frame) return presets;
  const own = [
    ...frame.windows.map(({ explanation }, index) => named("file", index, explanation)),
    ...frame.voiLuts.map(({ explanation }, index) => named("table", index, explanation)),
  ];
  return [...own, ...presets.filter(({ key }) => !own.some((one) => one.key === key))];
}

const named = (stem, index, explanation) => ({ key: `${stem}-${index + 1}`, stem, number: index + 1, explanation });

/** (frame) → look of the preset `key` on it; null where it has no window or table of that number, or is not here. */
export function preset(key, presets = []) {
  const [, stem, number] = OF_AN_IMAGE.exec(key) ?? [];
  const index = Number(number) - 1;
  if (stem === "file") return (frame) => (frame?.windows[index] ? lookOf(frame.windows[index]) : null);
  if (stem === "table") return (frame) => (frame?.voiLuts[index] ? { ...ownLook(frame), lut: index } : null);
  if (key === "automatic") return (frame) => (frame && !frame.color ? automatic(frame) : null);
  const fixed = presets.find((one) => one.key === key);
  return () => (fixed ? lookOf(fixed) : null);
}

const MOST_SAMPLES = 262_144;

/** Percentiles 0.5 to 99.5 of the image without its padding, as dicom.render's `automatic`; counted once an image. */
export function automatic(frame) {
  frame.automatic ??= between(...spread(frame));
  return frame.automatic;
}

function spread({ samples, padding, slope, intercept }) {
  const outside = padding ? samples.filter((sample) => sample < padding[0] || sample > padding[1]) : samples;
  const inside = outside.length ? outside : samples;
  const step = Math.max(1, Math.floor(inside.length / MOST_SAMPLES));
  const values = Float64Array.from({ length: Math.ceil(inside.length / step) }, (_, index) => inside[index * step])
    .filter(Number.isFinite).sort();
  const ends = [0.005, 0.995].map((part) => percentile(values, part) * slope + intercept);
  if (ends[0] !== ends[1]) return ends.sort((a, b) => a - b);
  const finite = inside.filter(Number.isFinite);
  const [low, high] = finite.reduce(([a, b], one) => [Math.min(a, one), Math.max(b, one)], [Infinity, -Infinity]);
  return [low * slope + intercept, high * slope + intercept].sort((a, b) => a - b);
}

function percentile(sorted, part) {
  const at = part * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  return below + (sorted[Math.ceil(at)] - below) * (at - Math.floor(at));
}

function between(low, high) {
  if (!Number.isFinite(low)) return { center: 0.5, width: 1, function: "LINEAR_EXACT", lut: null };
  const width = high - low;
  if (!(width > 0)) return { center: low + 0.5, width: 1, function: "LINEAR_EXACT", lut: null };
  return { center: low + width / 2, width, function: "LINEAR_EXACT", lut: null };
}
