import { expect, it } from '@jest/globals';
import { highlight } from './highlight.js';

const shown = (text: string, ...words: string[]): string =>
  highlight(text, words)
    .map((piece) => (piece.match ? `[${piece.text}]` : piece.text))
    .join('');

it.each([
  ['Tea, TEA and steam', ['tea'], '[Tea], [TEA] and steam'],
  ['a foo-bar b', ['foo', 'foo-bar', 'bar'], 'a [foo-bar] b'],
  ['<b>tea</b> (x*) $&', ['b', 'x*', '$&'], '<[b]>tea</[b]> ([x*]) [$&]'],
  ['Größe', ['größe'], '[Größe]'],
  ['nothing', ['tea'], 'nothing'],
  ['nothing', [], 'nothing'],
])('marks whole words in any case: %j', (text, words, expected) => {
  expect(shown(text, ...words)).toBe(expected);
});

it('shows two places of a long text at most, and where it goes on', () => {
  const filler = 'filler '.repeat(100);
  expect(shown(`${filler}tea ${filler}tea ${filler}tea`, 'tea')).toMatch(
    /^ … (filler ){5,9}\[tea\] (filler ?){20,30} … (filler ){5,9}\[tea\] (filler ?){20,30} … $/,
  );
});

it('cuts no character in half', () => {
  for (let n = 0; n < 4; n += 1) {
    for (const { text } of highlight(`${'x'.repeat(n)}${'😀'.repeat(400)}-tea-${'😀'.repeat(400)}`, [
      'tea',
    ])) {
      expect(text.isWellFormed()).toBe(true);
    }
  }
});

it('is quick with any text', () => {
  for (const text of ['a ', 'a', 'a-', '-', ' ']) {
    const start = performance.now();
    highlight(text.repeat(50_000), ['a', 'zz', 'a-a-b', 'aab']);
    expect(performance.now() - start).toBeLessThan(1000);
  }
});
