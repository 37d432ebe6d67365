import { expect, it } from '@jest/globals';
import { toAsciiDigits } from './ascii-digits.js';

it.each([
  ['ASCII', '0123456789'],
  ['Arabic-Indic', '٠١٢٣٤٥٦٧٨٩'],
  ['Extended Arabic-Indic', '۰۱۲۳۴۵۶۷۸۹'],
  ['Devanagari', '०१२३४५६७८९'],
  ['Bengali', '০১২৩৪৫৬৭৮৯'],
  ['Thai', '๐๑๒๓๔๕๖๗๘๙'],
  ['full-width', '０１２３４５６７８９'],
])('%s digits are read for what they are', (_script, digits) => {
  expect(toAsciiDigits(digits)).toBe('0123456789');
});

it('every decimal digit of Unicode has the value that Unicode gives it, and nothing else becomes one', () => {
  const runs: string[][] = [];
  for (let codePoint = 0; codePoint <= 0x10ffff; codePoint += 1) {
    const character = String.fromCodePoint(codePoint);
    if (!/\p{Nd}/u.test(character)) continue;
    if (runs.length === 0 || runs.at(-1)?.length === 10) runs.push([]);
    runs.at(-1)?.push(character);
  }
  expect(runs.length).toBeGreaterThan(50);
  for (const run of runs) expect(run.map(toAsciiDigits).join('')).toBe('0123456789');
  for (const other of ['Ⅳ', '四', 'O', 'l', '½', '²x']) expect(toAsciiDigits(other)).not.toMatch(/^\d$/);
});
