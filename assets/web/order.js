// What inside a paragraph keeps an order of its own: the twin of app/runs.py, tested against the same table. The page
// needs it for words that never reach the server: files' names, what is being typed.
import { ARABIC, LETTER_OR_DIGIT, MARKS, UNIT, directionOf, hasArabic, withoutControls, wordsOfProse } from "./direction.js";

const [LRI, RLI, PDI, LRO, PDF] = ["\u2066", "\u2067", "\u2069", "\u202d", "\u202c"];
const DIGIT = "0-9\\u0660-\\u0669\\u06f0-\\u06f9";
const HYPHEN = "\\-\\u2010\\u2011\\u2013\\u2212";
const SIGN = "°+±∓~∼≈≃≅<>≤≥=≠≪≫$€£¥₪#№@×÷√∆%٪\\^&*";
const BREAK = `\\s${ARABIC}${MARKS}«»“”„\\ufffc`;
const SPACE = "[ \\t\\u00a0\\u202f]";
const expression = (source, flags = "u") => new RegExp(source, flags);
const CHUNK = expression(`[^${BREAK}]+`, "gu");
const CORE = expression(`[${LETTER_OR_DIGIT}]`, "gu");
const LEAD = expression(`(?:[${HYPHEN}${SIGN}]|(?:\\.{1,2}|~)?[/\\\\]+|(?<!\\.)\\.)+$`);
const TAIL = expression(`^[%٪‰°º′″*×\\^#†‡®™℃℉$€£¥⁺⁻!]*(?:[+${HYPHEN}](?:/(?=[+${HYPHEN}]))?)*[%٪*]*`);
const SIGNED = expression(`^[(\\[][+${HYPHEN}0-9/]{1,3}[)\\]]`);
const PHONE = /^(?:\+|00)[0-9]{1,3}(?:[ \-.\u00a0]?\(?[0-9]{1,4}\)?){2,6}(?![0-9])/u;
const AREA = /^\(0[0-9]{1,3}\)(?:[ \-]?[0-9]{3,4}(?:[ \-]?[0-9]{3,5})?)?/u;
const PREFIX = expression(`(?:^|[^${ARABIC}])(?:\\u0648|\\u0641)?[\\u0648\\u0641\\u0628\\u0644\\u0643]\\u0640?$`);
const BEFORE_NUMBER = "(?:(?:\\u0625|\\u0627)\\u0644\\u0649|\\u0628\\u064a\\u0646|\\u0645\\u0646|\\u062d\\u062a\\u0649|\\u0648|\\u0641)";
const SPACES = expression(`^${SPACE}+$`);
const OPERATOR = expression(`^${SPACE}*(?:[×✕∶/±+*<>≤≥=≠≈~→⇒⟶${HYPHEN}&]|\\+/-|->|=>|<=|>=|vs\\.?)${SPACE}*$`);
const RATIO = expression(`^${SPACE}?:${SPACE}?$`);
const PERCENT = expression(`^${SPACE}?[%٪‰℃]`);
const RESULT = expression(`^${SPACE}?\\([+${HYPHEN}]{1,3}\\)`);
const COMPARED = /^[±~∼≈<>≤≥=≠×→÷]/u;
const SIGN_BEFORE = expression(`(\\+/[\\-\\u2212]|[+±~∼≈<>≤≥=≠\\u2212])${SPACE}?$`);
const DASH_BEFORE = expression(`(?:^|[\\n(\\[:=،؛]|(?<![${ARABIC}])${BEFORE_NUMBER})${SPACE}*[\\-\\u2013]${SPACE}?$`);
const COUNTED = expression(`[${DIGIT}]${SPACE}?(?!${BEFORE_NUMBER}${SPACE})[${ARABIC}]{1,6}${SPACE}*$`);
const A_UNIT = expression(`^(?:${UNIT}|[AP]M|[ap]\\.m|[µμ]?[A-Za-z]{1,5}/)(?:/[\\p{L}\\p{N}_²³.]+)*[²³⁻¹0-9\\-]*$`);
const LOWER = /^[a-zà-ÿ]/u;
const YEAR = /^(?:19|20)[0-9]{2}$/u;
const LATIN_STRETCH = expression(`[^\\n${ARABIC}${MARKS}«»“”„\\ufffc]+`, "gu");
const LETTER = expression(`(?![${ARABIC}]|[²³¹⁰⁴-⁹₀-₉¼½¾⅐-⅞])[\\p{L}\\p{Nl}\\p{No}]`);
const NUMERAL = expression(`^[${DIGIT}]`);
const NUMERALS = expression(`[${DIGIT}]`, "gu");
const DIGITS = expression(`^[${DIGIT}]+$`);
const ARABIC_AT = expression(`^[${ARABIC}]`);
const IN_WORD = expression(`^(?:[${ARABIC}]|[\\p{L}\\p{N}_])`);
const INDIC_SIGNED = /^(?=[^]*[\u0660-\u0669])(?=[^]*[^\u0660-\u0669٫٬])/u;
const ARABIC_WORD = `[${ARABIC}]+(?:[\\-‐‑'’][${ARABIC}]+)*`;
const PHRASE = expression(`${ARABIC_WORD}(?:(?:${SPACE}+|[،؛]${SPACE}*|(?<=[\\s(${ARABIC}][${ARABIC}])\\.${SPACE})${ARABIC_WORD})*؟?`, "gu");
const QUOTATION = /«([^«»\n]+)»|“([^“”\n]+)”|"([^"\n]+)"|\(([^()\n]+)\)/gu;
const PAIRS = { "(": ")", "[": "]", "{": "}" };
const NO_JOINER = "+±∓~∼≈≃≅<>≤≥=≠≪≫$€£¥₪#№×÷√∆%٪\u2212";
const ARROWS = { "→": "←", "⇒": "⇐", "⟶": "⟵", "➔": "←", "➜": "←" };
const [SUBSCRIBER, SENTENCE, FAR] = [7, 4, 24];

// A paragraph that reads in `direction`, cut into { text, direction?, override?, runs? }; joined again it is `text`.
export function isolate(text, direction) {
  const runs = [];
  let at = 0;
  for (const span of withQuotations(text, direction)) {
    if (span.start > at) runs.push({ text: text.slice(at, span.start) });
    const inside = text.slice(span.start, span.end);
    if (span.nested) runs.push({ text: inside, direction: span.direction, runs: isolate(inside, span.direction) });
    else runs.push({ text: inside, direction: span.direction, override: span.direction === "ltr" && INDIC_SIGNED.test(inside) });
    at = span.end;
  }
  if (at < text.length) runs.push({ text: text.slice(at) });
  return runs;
}

// `text` to stand among words that read as `around`: isolated as a whole where it reads otherwise, and what is in it.
export function inline(text, around) {
  return withoutControls(text).split("\n").map((line) => inlineLine(line, around)).join("\n");
}

// `text` for plain surfaces, every line in its own direction.
export function plain(text) {
  return withoutControls(text).split("\n").map((line) => ordered(line, directionOf(line))).join("\n");
}

const ordered = (line, way) => isolate(line, way).map((run) => marked(run, way)).join("");

function inlineLine(line, around) {
  const way = directionOf(line, around);
  return way === around ? ordered(line, way) : `${way === "rtl" ? RLI : LRI}${ordered(line, way)}${PDI}`;
}

function marked(run, around) {
  if (!run.direction) return around === "rtl" ? turned(run.text) : run.text;
  if (run.override) return `${LRI}${LRO}${run.text}${PDF}${PDI}`;
  const inner = run.runs ? run.runs.map((each) => marked(each, run.direction)).join("") : run.text;
  return `${run.direction === "rtl" ? RLI : LRI}${inner}${PDI}`;
}

export const turned = (text) => text.replace(/[→⇒⟶➔➜]/gu, (arrow) => ARROWS[arrow]);

function withQuotations(text, direction) {
  const found = [];
  let at = 0;
  for (const quotation of text.matchAll(QUOTATION)) {
    const start = quotation.index + 1;
    const inside = quotation[0].slice(1, -1);
    const way = directionOf(inside, direction);
    if (way === direction || !mixed(inside)) continue;
    found.push(...plainSpans(text, at, start, direction), { start, end: start + inside.length, direction: way, nested: true });
    at = start + inside.length;
  }
  return [...found, ...plainSpans(text, at, text.length, direction)];
}

const mixed = (text) => hasArabic(text) && text.replace(expression(`[${ARABIC}]`, "gu"), "").search(CORE) >= 0;

function plainSpans(text, start, end, direction) {
  const latin = latinRuns(text, start, end).map((token) => ({ start: token.start, end: token.end, direction: "ltr" }));
  if (direction === "rtl") return latin;
  const signed = latin.filter((span) => INDIC_SIGNED.test(text.slice(span.start, span.end)));
  const phrases = found(PHRASE, text, start, end).map((each) => ({ start: each.index, end: each.index + each[0].length, direction: "rtl" }));
  return [...signed, ...phrases].sort((one, other) => one.start - other.start);
}

function found(pattern, text, start, end) {
  const clipped = text.slice(0, end);
  pattern.lastIndex = start;
  const all = [];
  for (let each; (each = pattern.exec(clipped)); ) all.push(each);
  return all;
}

function latinRuns(text, start, end) {
  const runs = [];
  for (const token of tokens(text, start, end)) if (!runs.length || !joined(text, runs.at(-1), token)) runs.push(token);
  const starts = runs.map((run) => run.start);
  const ends = runs.map((run) => run.end);
  runs.forEach((run, k) => widen(text, run, k ? ends[k - 1] : start, starts[k + 1] ?? end));
  return sentences(text, runs, start, end);
}

function tokens(text, start, end) {
  const clipped = text.slice(0, end);
  const all = [];
  for (let at = start; ; ) {
    CHUNK.lastIndex = at;
    const chunk = CHUNK.exec(clipped);
    if (!chunk) return all;
    const rest = clipped.slice(chunk.index);
    const country = PHONE.exec(rest);
    const phone = country ?? AREA.exec(rest);
    if (phone && (!country || phone[0].match(NUMERALS).length >= SUBSCRIBER)) {
      at = chunk.index + phone[0].length;
      all.push({ start: chunk.index, end: at, rich: false, percent: false, number: true, first: false });
      continue;
    }
    at = chunk.index + chunk[0].length;
    const token = trimmed(text, chunk.index, at);
    if (token) all.push(token);
  }
}

function trimmed(text, start, end) {
  const chunk = text.slice(start, end);
  const cores = [...chunk.matchAll(CORE)];
  if (!cores.length) return null;
  const last = cores.at(-1).index + cores.at(-1)[0].length;
  const from = lead(text, start, chunk, cores[0].index);
  const to = tail(text, end, chunk, from, last);
  const body = chunk.slice(from, to);
  const word = LETTER.test(body);
  return { start: start + from, end: start + to, rich: word, percent: "%٪‰°".includes(body.at(-1)), number: !word, first: !word };
}

function lead(text, start, chunk, first) {
  let kept = first;
  while (kept && chunk[kept - 1] in PAIRS) {
    const closed = chunk.indexOf(PAIRS[chunk[kept - 1]], first);
    if (closed < 0 || chunk.slice(closed).search(CORE) < 0) break;
    kept -= 1;
  }
  const sign = LEAD.exec(chunk.slice(0, kept));
  if (!sign) return kept;
  let begin = sign.index;
  const attached = begin === 0 && start && ARABIC_AT.test(text[start - 1]);
  if (attached && !NO_JOINER.includes(chunk[0]) && !chunk.startsWith("--")) {
    const prefixed = PREFIX.test(text.slice(Math.max(0, start - 5), start)) && NUMERAL.test(chunk[kept]);
    if (!prefixed || "/\\.*&@".includes(chunk[0])) begin += 1;
  }
  return begin;
}

function tail(text, end, chunk, from, last) {
  const rest = chunk.slice(last);
  let kept = 0;
  while (kept < rest.length && Object.values(PAIRS).includes(rest[kept]) && opensInside(chunk.slice(from, last + kept), rest[kept])) kept += 1;
  kept += SIGNED.exec(rest.slice(kept))?.[0].length ?? 0;
  kept += TAIL.exec(rest.slice(kept))[0].length;
  const following = last + kept === chunk.length ? text.slice(end, end + 1) : chunk[last + kept];
  if (kept && expression(`^[${HYPHEN}+]`).test(rest[kept - 1]) && IN_WORD.test(following)) kept -= 1;
  if (NUMERAL.test(chunk[last - 1]) && ["'", '"'].includes(rest[kept]) && even(text, end - rest.length + kept)) kept += 1;
  if (rest[kept] === "/" && /[/\\]/u.test(chunk.slice(0, last))) kept += 1;
  return last + kept;
}

function even(text, at) {
  const line = text.slice(text.lastIndexOf("\n", at - 1) + 1, at);
  return line.split(text[at]).length % 2 === 1;
}

function opensInside(body, closing) {
  const opening = Object.keys(PAIRS).find((each) => PAIRS[each] === closing);
  return body.split(opening).length > body.split(closing).length;
}

function joined(text, run, token) {
  const gap = text.slice(run.end, token.start);
  const word = text.slice(token.start, token.end);
  const letters = Boolean(token.number) === false;
  let joins = false;
  if (SPACES.test(gap)) {
    joins = run.rich || text[run.end - 1] === "×" || A_UNIT.test(word) || (run.percent && letters) || (letters && LOWER.test(word)) || COMPARED.test(word) || grouped(text, run, word, gap);
  } else if (OPERATOR.test(gap)) joins = true;
  else if (RATIO.test(gap)) joins = run.rich || token.number;
  if (joins) Object.assign(run, { end: token.end, rich: run.rich || token.rich, percent: token.percent, number: run.number && token.number });
  return joins;
}

function grouped(text, run, word, gap) {
  const last = text.slice(Math.max(run.start, run.end - FAR), run.end).split(expression(SPACE)).at(-1);
  if (!DIGITS.test(last.replace(/^\++/u, "")) || !DIGITS.test(word)) return false;
  if ("\u00a0\u202f".includes(gap) || "+0".includes(text[run.start])) return true;
  return word.length === 3 || (last.length >= 3 && word.length >= 3 && !YEAR.test(last));
}

function widen(text, run, from, ceiling) {
  const closing = (run.number ? PERCENT : RESULT).exec(text.slice(run.end, ceiling));
  if (closing) run.end += closing[0].length;
  const floor = Math.max(from, run.start - FAR);
  const before = text.slice(floor, run.start);
  const compared = SIGN_BEFORE.exec(before);
  if (compared && (run.first || "<>≤≥≈~±".includes(compared[1]))) {
    const sign = floor + compared.index;
    if (!COUNTED.test(text.slice(Math.max(0, sign - FAR), sign))) run.start = sign;
  } else if (run.first && dashed(before, floor) && !counts(text, run)) {
    run.start = floor + Math.max(before.lastIndexOf("-"), before.lastIndexOf("\u2013"));
  }
}

// `^` is the beginning of the text only; what was cut off before `floor` is no beginning.
const dashed = (before, floor) => DASH_BEFORE.test(floor ? `\ufffc${before}` : before);

function counts(text, run) {
  const following = expression(`^${SPACE}+([${ARABIC}]+)`).exec(text.slice(run.end));
  if (run.rich || !following) return false;
  return !expression(`^${BEFORE_NUMBER}(?![${ARABIC}])`).test(following[1]);
}

function sentences(text, runs, start, end) {
  const all = [];
  let at = 0;
  for (const stretch of found(LATIN_STRETCH, text, start, end)) {
    let until = at;
    while (until < runs.length && runs[until].start < stretch.index + stretch[0].length) until += 1;
    const inside = runs.slice(at, until);
    at = until;
    if (inside.length < 2 || wordsOfProse(stretch[0]) < SENTENCE) {
      all.push(...inside);
      continue;
    }
    const first = inside[0].start;
    let last = inside.at(-1).end;
    if ([")", "]"].includes(text[last]) && opensInside(text.slice(first, last), text[last])) last += 1;
    all.push({ start: first, end: last });
  }
  return all;
}
