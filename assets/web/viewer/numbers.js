// How a number is written wherever a reader sees one: three significant figures, more only for whole digits. Knows no
// unit and no field. The twin of app/numbers.py; tests/test_numbers.py holds the two together.

const FIGURES = 3;
const PLAIN = [-6, 15]; // powers of ten that are written out; what is smaller or larger is written like 1.25e-9

/** 0.000527, 1.25, 40, 103, 12346; never rounded to nothing. "" for what is no number. */
export function written(value) {
  if (!Number.isFinite(value)) return "";
  if (value === 0) return "0";
  const sign = value < 0 ? "-" : "";
  const size = Math.abs(value);
  const power = Number(size.toExponential().split("e")[1]); // exact, which a logarithm is not
  if (power >= PLAIN[0] && power < PLAIN[1]) return sign + Number(size.toFixed(Math.max(0, FIGURES - 1 - power)));
  const [figures, of] = size.toExponential(FIGURES - 1).split("e");
  return `${sign}${Number(figures)}e${Number(of)}`;
}
