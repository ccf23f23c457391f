// Which way a paragraph reads: the twin of app/bidi.py, tested against the same table. Draws nothing.

export const ARABIC = "\\u0620-\\u065f\\u066e-\\u06d3\\u06d5-\\u06dc\\u06df-\\u06e8\\u06ea-\\u06ef\\u06fa-\\u06ff\\u0610-\\u061a\\u0750-\\u077f\\u0870-\\u08ff\\ufb50-\\ufdff\\ufe70-\\ufefc";
export const MARKS = "\\u060c\\u061b\\u061f\\u061e\\u06d4";
export const UNIT =
  "(?:HU|[munpµμ]?IU|U|%|[mcdµμnk]?m[²³23]?|(?:k|m|µ|μ|mc|n|p)?g|[mdcµμn]?[lL]|cc|m?Eq|[mµμnp]?mol|[mµμn]?M|Da|kDa" +
  "|mm ?Hg|cmH2O|bpm|ppm|fps|dpi|px|dB|Fr|Ch|[kmMcµμ]?Gy|[mµμ]?Sv|[kMG]?Hz|k?Vp?|mAs?|k?eV|[kMG]?Bq|[mµμ]?Ci" +
  "|[mµμn]?s|secs?|mins?|h|hrs?|d|wks?|mo|yrs?|y|mT|T|°C?F?|[CFKJNW]|k?Pa|k?cal|SUV|SD|METs?|x" +
  "|SAR|USD|EUR|GBP|AED|EGP|QAR|KWD|JOD)";

export const LETTER_OR_DIGIT = "\\p{L}\\p{N}";
const NO_DIGIT = "\\p{L}\\p{Nl}\\p{No}";
const WORD = new RegExp(
  `(?<arabic>[${ARABIC}]+(?:['’ʼ\\-][${ARABIC}]+)*)|(?<mark>[${MARKS}])` +
    `|(?<other>(?![${ARABIC}])[${LETTER_OR_DIGIT}](?:[${LETTER_OR_DIGIT}]|[\\u0300-\\u036f]|[\\-./\\\\:@_&+'’–](?=[${LETTER_OR_DIGIT}]))*)`,
  "gu",
);
const TELLING = new RegExp(`^(?!${UNIT}s?$)(?:[${NO_DIGIT}]{2,}(?:['’](?:s|t|re|ve|ll))?(?:-[${NO_DIGIT}]+)*)$`, "u");
const ABBREVIATED = /^(?:[A-Z]{1,5}s?$|.*[a-z].*[A-Z]|[A-Z]{2,}.*[a-z]|(?=.*-).*(?<![^-])[A-Z]{2,5}(?![^-]))/u;
const QUOTED = /["“”'‘’«»([{][^\S\n]*$/u;
const ARABIC_LETTER = new RegExp(`(?=[${ARABIC}])[${NO_DIGIT}]`, "u");
const CONTROLS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const CHARGES = new Set(["+", "-", "−", "⁺", "⁻"]);
const LONGEST = 60;

export function directionOf(paragraph, inherited = "ltr") {
  if (beginsInArabic(paragraph) && !beginsQuoted(paragraph)) return "rtl";
  const votes = votesOf(paragraph);
  const arabic = votes.filter((vote) => vote === "rtl").length;
  const latin = votes.length - arabic;
  if (arabic === latin) return inherited;
  if (arabic < latin) return "ltr";
  return latin && arabic <= 2 * latin && framed(paragraph, votes) ? "ltr" : "rtl";
}

export const hasArabic = (text) => ARABIC_LETTER.test(text);

export const withoutControls = (text) => text.replace(CONTROLS, "");

export const wordsOfProse = (text) => votesOf(text).filter((vote) => vote === "ltr").length;

function votesOf(text) {
  const votes = [];
  for (const found of text.matchAll(WORD)) {
    if (found.groups.other === undefined) votes.push("rtl");
    else if (tells(found[0]) && !CHARGES.has(text[found.index + found[0].length])) votes.push("ltr");
  }
  return votes;
}

const tells = (word) => [...word].length < LONGEST && TELLING.test(word) && !ABBREVIATED.test(word);

function beginsInArabic(text) {
  for (const found of text.matchAll(WORD)) if (/\p{L}/u.test(found[0])) return found.groups.arabic !== undefined;
  return false;
}

function beginsQuoted(text) {
  const first = text.search(ARABIC_LETTER);
  return first >= 0 && QUOTED.test(text.slice(0, first));
}

// Whether the paragraph begins with a Latin word and ends in Latin letters, be they only an abbreviation's.
function framed(text, votes) {
  let last = null;
  for (const found of text.matchAll(WORD)) {
    if (found.groups.other === undefined) last = "arabic";
    else if (/\p{L}/u.test(found[0])) last = "other";
  }
  return votes[0] === "ltr" && last === "other";
}
