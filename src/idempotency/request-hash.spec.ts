import { expect, it } from '@jest/globals';
import { hashRequest } from './request-hash.js';

const REQUEST = {
  method: 'POST',
  route: '/v1/things/:id',
  params: { id: 'aB' },
  query: {},
  body: { a: [1, { b: 2, c: 'x' }], d: null },
};
const hash = (changes: Partial<typeof REQUEST> | { body: unknown } = {}): string =>
  hashRequest({ ...REQUEST, ...changes }).toString('hex');

it('the order of fields and the case of ids make no other request', () => {
  expect(hash({ body: { d: null, a: [1, { c: 'x', b: 2 }] } })).toBe(hash());
  expect(hash({ params: { id: 'Ab' } })).toBe(hash());
});

it.each([
  ['method', { method: 'PUT' }],
  ['route', { route: '/v1/others/:id' }],
  ['target', { params: { id: 'ac' } }],
  ['value', { body: { a: [1, { b: 2, c: 'X' }], d: null } }],
  ['order of a list', { body: { a: [{ b: 2, c: 'x' }, 1], d: null } }],
  ['type', { body: { a: [1, { b: '2', c: 'x' }], d: null } }],
  ['missing field', { body: { a: [1, { b: 2, c: 'x' }] } }],
  ['text that looks like structure', { body: '{"a":[1,{"b":2,"c":"x"}],"d":null}' }],
])('another %s is another request', (_what, changes) => {
  expect(hash(changes)).not.toBe(hash());
});

it('no body and null are the same, an empty object is not', () => {
  expect(hash({ body: undefined })).toBe(hash({ body: null }));
  expect(hash({ body: {} })).not.toBe(hash({ body: null }));
});

it('a body that is nested without end is refused before it costs anything', () => {
  const deep: unknown = JSON.parse(`${'['.repeat(30_000)}${']'.repeat(30_000)}`);
  expect(() => hash({ body: deep })).toThrow('VALIDATION_FAILED');
});
