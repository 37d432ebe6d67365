/** UTF-16 code units of the longest title, with its ellipsis. */
const TITLE_MAX = 80;
/** A cut at a word must leave at least this much; languages without spaces are cut anywhere. */
const CUT_AT_A_WORD_MIN = 40;

const QUOTES = new Map([
  ['"', '"'],
  ["'", "'"],
  ['“', '”'],
  ['„', '“'],
  ['”', '”'],
  ['‘', '’'],
  ['«', '»'],
  ['»', '«'],
  ['‹', '›'],
  ['「', '」'],
  ['『', '』'],
  ['《', '》'],
  // Markdown around the whole is taken off like a quotation mark.
  ['*', '*'],
  ['_', '_'],
]);

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/**
 * What a model wrote, as a title: the first line that says something, without the quotes and the markdown that models
 * like, cut at a word. Null when nothing is left.
 */
export function titleFrom(text: string): string | null {
  for (const line of text.toWellFormed().split(/[\n\v\f\r\u0085\u2028\u2029]+/)) {
    const title = shorten(plain(line));
    // A title of dots and dashes says nothing.
    if (/[\p{L}\p{N}\p{So}]/u.test(title)) return title;
  }
  return null;
}

function plain(line: string): string {
  return unquote(
    line
      // Control characters (NUL too), marks that turn the direction of a whole list around, the byte order mark.
      .replace(/[\p{Cc}\u00AD\u200B\u200E\u200F\u202A-\u202E\u2060-\u206F\uFEFF]/gu, ' ')
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/`+|\*{2,}|_{2,}|~{2,}/g, '')
      .replace(/\s+/g, ' ')
      .trim()
      .replace(/^(?:#{1,6}|[>*+-]|\d+[.)])\s+/, '')
      .replace(/^title\s*:\s*/i, ''),
  );
}

function unquote(text: string): string {
  const closing = QUOTES.get(text.charAt(0));
  if (closing === undefined || text.length < 2 || !text.endsWith(closing)) return text;
  return unquote(text.slice(1, -1).trim());
}

function shorten(text: string): string {
  if (text.length <= TITLE_MAX) return text;
  let kept = '';
  for (const { segment } of graphemes.segment(text)) {
    if (kept.length + segment.length > TITLE_MAX - 1) break;
    kept += segment;
  }
  const lastSpace = text.charAt(kept.length) === ' ' ? kept.length : kept.lastIndexOf(' ');
  if (lastSpace >= CUT_AT_A_WORD_MIN) kept = kept.slice(0, lastSpace);
  return kept === '' ? '' : `${kept.replace(/[\s,;:.–—-]+$/u, '')}…`;
}
