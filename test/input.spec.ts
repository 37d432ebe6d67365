import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aMobile, aRoom, aUser, type Room, type SignedIn } from './support/factories.js';
import { pathsOf, theProblem } from './support/problem.js';
import { countRows } from './support/stored.js';
import { startTestApp, type TestApp } from './support/test-app.js';

let app: TestApp;
let user: SignedIn;
let room: Room;
let rows: Record<string, number>;
beforeAll(async () => {
  app = await startTestApp();
  user = await aUser(app);
  room = await aRoom(app, user);
  rows = await countRows(app);
});
afterAll(async () => {
  await app.stop();
});

/** Every route that reads a body, with a field of it and a body that would be right. */
const ROUTES = [
  ['POST', '/v1/auth/signup', 'mobile', { mobile: '+14155550101', password: 'a passphrase' }],
  ['POST', '/v1/auth/send-otp', 'mobile', { mobile: '+14155550101' }],
  ['POST', '/v1/auth/verify-otp', 'otp', { mobile: '+14155550101', otp: '123456' }],
  ['POST', '/v1/auth/login', 'password', { mobile: '+14155550101', password: 'a passphrase' }],
  ['POST', '/v1/auth/forgot-password', 'mobile', { mobile: '+14155550101' }],
  ['POST', '/v1/auth/reset-password', 'newPassword', { mobile: '+14155550101', otp: '1', newPassword: 'x' }],
  ['POST', '/v1/auth/change-password', 'newPassword', { newPassword: 'a passphrase' }],
  ['PATCH', '/v1/users/me', 'displayName', { displayName: 'Ada' }],
  ['POST', '/v1/chatrooms', 'title', { title: 'A room' }],
  ['PATCH', '/v1/chatrooms/:room', 'systemInstruction', { systemInstruction: 'Be brief.' }],
  ['POST', '/v1/chatrooms/:room/messages', 'content', { content: 'Hello' }],
] as const;

const path = (route: string): string => route.replace(':room', room.id);

const send = (method: string, route: string, body: unknown, headers: Record<string, string> = {}) =>
  app.api.send(method, path(route), body, { token: user.token, headers });

const nested = (depth: number, open: string, close: string): string =>
  open.repeat(depth) + '1' + close.repeat(depth);

describe.each(ROUTES)('%s %s', (method, route, field, right) => {
  it.each([
    ['no JSON', '{"', 'MALFORMED_REQUEST'],
    ['two documents', '{}{}', 'MALFORMED_REQUEST'],
    ['nothing', '', 'VALIDATION_FAILED'],
    ['a NUL byte', '{"a":\0}', 'MALFORMED_REQUEST'],
    ['a prototype', '{"__proto__":{"mobile":"+14155550101"}}', 'MALFORMED_REQUEST'],
    ['a nested prototype', '{"a":{"__proto__":{"isAdmin":true}}}', 'MALFORMED_REQUEST'],
    ['a constructor with a prototype', '{"constructor":{"prototype":{}}}', 'MALFORMED_REQUEST'],
    ['null', 'null', 'VALIDATION_FAILED'],
    ['an array', '[]', 'VALIDATION_FAILED'],
    ['an array of right bodies', JSON.stringify([right]), 'VALIDATION_FAILED'],
    ['a string', '"x"', 'VALIDATION_FAILED'],
    ['a number', '5', 'VALIDATION_FAILED'],
    ['true', 'true', 'VALIDATION_FAILED'],
    ['deep arrays', nested(30_000, '[', ']'), 'VALIDATION_FAILED'],
    ['deep objects', nested(9_000, '{"a":', '}'), 'VALIDATION_FAILED'],
    ['names of built-ins', '{"constructor":1,"toString":1,"hasOwnProperty":1,"then":1}', 'VALIDATION_FAILED'],
  ])('refuses a body that is %s', async (_what, body, code) => {
    theProblem(await send(method, route, body), 400, code);
  });

  it.each([
    ['an unknown field', 'surprise', { ...right, surprise: true }],
    ['a number', field, { ...right, [field]: 42 }],
    ['an object', field, { ...right, [field]: { a: 1 } }],
    ['an array', field, { ...right, [field]: ['a'] }],
    ['true', field, { ...right, [field]: true }],
    ['deep arrays in a field', field, `{"${field}":${nested(25_000, '[', ']')}}`],
  ])('refuses %s, and names the field', async (_what, name, body) => {
    const problem = theProblem(await send(method, route, body), 400, 'VALIDATION_FAILED');
    expect(pathsOf(problem).map((it) => it.split('.')[0])).toContain(name);
    for (const error of problem.errors ?? []) expect(error.message).toMatch(/\S/);
  });

  it.each([
    ['a NUL', 'a\\u0000b'],
    ['half of a surrogate pair', 'a\\ud800b'],
    ['the other half', '\\udfff'],
    ['a pair the wrong way round', '\\udc00\\ud800'],
  ])('refuses text with %s, and names the field', async (_what, text) => {
    const problem = theProblem(await send(method, route, `{"${field}":"${text}"}`), 400, 'INVALID_TEXT');
    expect(pathsOf(problem)).toEqual([field]);
    theProblem(await send(method, route, `{"${text}":"x"}`), 400, 'INVALID_TEXT');
  });

  it('refuses more than 64 KB', async () => {
    const large = JSON.stringify({ ...right, [field]: 'x'.repeat(64 * 1024) });
    theProblem(await send(method, route, large), 413, 'PAYLOAD_TOO_LARGE');
  });

  it.each([
    'application/x-www-form-urlencoded',
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/xml',
    'nonsense',
  ])('refuses %s', async (type) => {
    const answer = await send(method, route, JSON.stringify(right), { 'content-type': type });
    theProblem(answer, 415, 'UNSUPPORTED_MEDIA_TYPE');
  });

  it('refuses no body at all', async () => {
    const problem = theProblem(await send(method, route, undefined), 400, 'VALIDATION_FAILED');
    expect(problem.errors).toEqual([{ path: '', message: 'the body must be a JSON object' }]);
  });
});

it('leaves no trace of anything above: nothing is stored or charged, and nothing was our fault', async () => {
  expect(await countRows(app)).toEqual(rows);
  const { body } = await app.api.get('/v1/users/me/usage', { token: user.token });
  expect(body).toMatchObject({ used: 0, remaining: 5 });
  expect(app.process.logs.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  // The application is well: the next one is served.
  expect((await app.api.post('/v1/auth/send-otp', { mobile: aMobile() })).status).toBe(200);
});
