const DECIMAL_DIGIT = /\p{Nd}/u;

/** NFKC, with the decimal digits of every script as ASCII: keyboards and address books write their owner's. */
export function toAsciiDigits(text: string): string {
  return text.normalize('NFKC').replace(/\p{Nd}/gu, valueOf);
}

/** Unicode has decimal digits in runs of ten, in order. */
function valueOf(digit: string): string {
  const codePoint = digit.codePointAt(0) ?? 0;
  let before = 0;
  while (DECIMAL_DIGIT.test(String.fromCodePoint(codePoint - before - 1))) before += 1;
  return String(before % 10);
}
