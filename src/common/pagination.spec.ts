import { describe, expect, it } from '@jest/globals';
import { Env } from '../config/env.js';
import { AppError } from './app-error.js';
import { Cursors } from './pagination.js';

const withSecret = (...secrets: string[]): Cursors =>
  new Cursors(Object.assign(new Env(), { JWT_SECRET: secrets }));

const cursors = withSecret('a secret of this server');
const POSITION = ['2026-11-23T10:00:00.000Z', '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d'];

const refused = (list: string, cursor: string): void => {
  expect(() => cursors.decode(list, cursor)).toThrow(
    expect.objectContaining({ constructor: AppError, code: 'INVALID_CURSOR' }),
  );
};

describe('a cursor', () => {
  it.each([[POSITION], [['']], [[]], [['ä', '😀', '"', '\\']]])(
    'leads back to its position: %j',
    (position) => {
      expect(cursors.decode('list', cursors.encode('list', position))).toEqual(position);
    },
  );

  it('is made of characters that need no escaping in a URL', () => {
    for (let n = 0; n < 100; n += 1) expect(cursors.encode('list', [`ÿ?${n}`])).toMatch(/^[\w-]+$/);
  });

  it('is good for its own list alone', () => {
    refused('another list', cursors.encode('list', POSITION));
  });

  it('is good on every server with the same secret, and on no other', () => {
    expect(withSecret('a secret of this server').decode('list', cursors.encode('list', POSITION))).toEqual(
      POSITION,
    );
    refused('list', withSecret('another secret').encode('list', POSITION));
  });

  it('outlives a change of the secret, for as long as the old one is listed', () => {
    const cursor = cursors.encode('list', POSITION);
    expect(withSecret('the next secret', 'a secret of this server').decode('list', cursor)).toEqual(POSITION);
  });

  it('is refused with any one character changed, cut off or added', () => {
    const cursor = cursors.encode('list', POSITION);
    for (let at = 0; at < cursor.length; at += 1) {
      const other = cursor[at] === 'A' ? 'B' : 'A';
      // The last character may hold bits that belong to no byte.
      if (at < cursor.length - 1) refused('list', cursor.slice(0, at) + other + cursor.slice(at + 1));
      if (at < cursor.length - 1) refused('list', cursor.slice(0, at));
    }
    refused('list', `${cursor}AAAA`);
  });

  it.each(['', 'x', 'null', '%00', 'A'.repeat(500), '😀'])('is refused when nobody made it: %j', (cursor) => {
    refused('list', cursor);
  });

  it('cannot be moved from one list into another by the way they are named', () => {
    refused('list', cursors.encode('list\0', POSITION));
  });
});

describe('a page', () => {
  const page = (rows: number[], limit: number) => cursors.page('list', rows, limit, (row) => [String(row)]);

  it('leads on from its last item when there is one more row than asked for', () => {
    const { data, nextCursor } = page([1, 2, 3, 4], 3);
    expect(data).toEqual([1, 2, 3]);
    expect(cursors.decode('list', nextCursor ?? '')).toEqual(['3']);
  });

  it.each([
    [[1, 2, 3], 3],
    [[1], 3],
    [[], 3],
  ])('is the last one otherwise: %j of %i', (rows, limit) => {
    expect(page(rows, limit)).toEqual({ data: rows, nextCursor: null });
  });
});
