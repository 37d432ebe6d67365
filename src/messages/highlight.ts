/** A piece of a text; `match` is a word that was searched for. */
export interface HighlightPiece {
  text: string;
  match: boolean;
}

const PLACES_MAX = 2;
/** Characters around a place. */
const BEFORE = 60;
const AFTER = 180;
/** Between two places, and where the text goes on. */
const GAP = ' … ';

/**
 * One or two short parts of a text around the words in it (lower case), cut into pieces. Not by `ts_headline` of
 * Postgres: its time grows with the square of the text, to 8 s for one prompt of "a a a …", and it leaves out what looks like
 * markup. This reads the text once.
 */
export function highlight(text: string, words: readonly string[]): HighlightPiece[] {
  const pattern = patternOf(words);
  const pieces: HighlightPiece[] = [];
  let from = 0;
  for (let place = 0; place < PLACES_MAX; place += 1) {
    const first = text.slice(from).search(pattern);
    if (first < 0 && place > 0) break;
    const at = from + Math.max(first, 0);
    const start = Math.max(from, wordStart(text, at - BEFORE, at));
    const end = wordEnd(text, at + AFTER);
    if (start > from) pieces.push({ text: GAP, match: false });
    for (const [n, part] of text.slice(start, end).split(pattern).entries()) {
      pieces.push({ text: part, match: n % 2 === 1 });
    }
    from = end;
  }
  if (from < text.length) pieces.push({ text: GAP, match: false });
  return pieces.filter((piece) => piece.text !== '');
}

/** The words as a group that `split` keeps, the longest first; without any it matches nowhere. */
function patternOf(words: readonly string[]): RegExp {
  const choices = [...words]
    .sort((a, b) => b.length - a.length)
    .map((word) => word.replaceAll(/[$()*+./?[\\\]^{|}]/g, String.raw`\$&`));
  return new RegExp(String.raw`(?<![\p{L}\p{N}_])(${choices.join('|') || '(?!)'})(?![\p{L}\p{N}_])`, 'iu');
}

/** The first word that begins behind `from`; where there are no spaces, the first character. */
function wordStart(text: string, from: number, before: number): number {
  if (from <= 0) return 0;
  const space = text.slice(from, before).search(/\s/);
  return space < 0 ? wholeCharacter(text, from) : from + space + 1;
}

/** As `wordStart`, for the end: the last space before `to`. */
function wordEnd(text: string, to: number): number {
  if (to >= text.length) return text.length;
  const space = text.lastIndexOf(' ', to);
  return space < to - BEFORE ? wholeCharacter(text, to) : space;
}

/** Behind the second half of a character that is two units of UTF-16. */
const wholeCharacter = (text: string, at: number): number =>
  /[\uDC00-\uDFFF]/.test(text.charAt(at)) ? at + 1 : at;
