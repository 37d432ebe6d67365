import { expect, it } from '@jest/globals';
import { titleFrom } from './title-text.js';

it.each([
  ['a plain title', 'Holiday plans', 'Holiday plans'],
  ['blanks around and within', '  \t Holiday \u00A0 plans \r\n', 'Holiday plans'],
  ['quotation marks', '"Holiday plans"', 'Holiday plans'],
  ['quotation marks of other languages', '„Urlaub planen“', 'Urlaub planen'],
  ['quotation marks in quotation marks', '«“Vacances”»', 'Vacances'],
  ['Japanese brackets', '「休暇の計画」', '休暇の計画'],
  ['quotation marks inside, which stay', 'What “late” means', 'What “late” means'],
  ['an apostrophe, which stays', "Don't panic", "Don't panic"],
  ['bold', '**Holiday plans**', 'Holiday plans'],
  ['emphasis', '*Holiday plans*', 'Holiday plans'],
  ['a heading', '## Holiday plans', 'Holiday plans'],
  ['a list', '1. Holiday plans\n2. Beach days', 'Holiday plans'],
  ['code', '`Array.map` explained', 'Array.map explained'],
  ['snake case, which stays', 'Rename my_long_name', 'Rename my_long_name'],
  ['C#, which stays', 'C# or C++', 'C# or C++'],
  ['a link', '[Holiday plans](https://example.com)', 'Holiday plans'],
  ['a label', '**Title:** "Holiday plans"', 'Holiday plans'],
  ['several lines', '\n\n---\nHoliday plans\nand more', 'Holiday plans'],
  ['a line separator', 'Holiday plans\u2028and more', 'Holiday plans'],
  ['NUL and other control characters', 'Holi\0day \u001B[31mplans\u0007', 'Holi day [31mplans'],
  ['a mark that turns the direction of what follows', '\u202EHoliday\u2066 plans', 'Holiday plans'],
  ['half a surrogate pair', 'Holiday \uD83C', 'Holiday \uFFFD'],
  ['an emoji', '🏝️', '🏝️'],
])('takes %s', (_what, text, title) => {
  expect(titleFrom(text)).toBe(title);
});

it.each(['', '   ', '\n\n', '""', '***', '…', '# ', '```\n```', '\0', 'Title:', '"', '-'])(
  'finds no title in %j',
  (text) => {
    expect(titleFrom(text)).toBeNull();
  },
);

it('keeps 80 characters as they are, and cuts what is longer behind a word', () => {
  const words = 'word '.repeat(16);
  expect(titleFrom(words.trim())).toBe(words.trim());
  expect(titleFrom('x'.repeat(80))).toBe('x'.repeat(80));
  expect(titleFrom(`${words} and more`)).toBe(`${words.trim()}…`);
  expect(titleFrom(`longer ${words}`)).toBe(`longer ${'word '.repeat(14).trim()}…`);
  expect(titleFrom(`${'x'.repeat(79)} y`)).toBe(`${'x'.repeat(79)}…`);
  expect(titleFrom(`${'x'.repeat(70)}, ${'y'.repeat(20)}`)).toBe(`${'x'.repeat(70)}…`);
});

it('cuts a language without spaces anywhere, but never a character', () => {
  expect(titleFrom('休'.repeat(100))).toBe(`${'休'.repeat(79)}…`);
  expect(titleFrom('🎈'.repeat(100))).toBe(`${'🎈'.repeat(39)}…`);
  const family = '👩‍👩‍👧‍👦';
  expect(titleFrom(family.repeat(20))).toBe(`${family.repeat(7)}…`);
  expect(titleFrom(`a${'\u0301'.repeat(200)}`)).toBeNull();
});
