import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type FrontEnd, startFrontEnd } from './front-end.js';

let frontEnd: FrontEnd;

beforeEach(async () => {
  frontEnd = await startFrontEnd({ apiUrl: 'http://localhost:5000/' });
});
afterEach(async () => {
  await frontEnd.close();
});

const load = async (path: string) => {
  const response = await fetch(frontEnd.url + path);
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    text: await response.text(),
  };
};

it.each([
  ['/billing/success?session_id=cs_test_1', ['You have paid', 'GET /v1/billing/subscription', 'pro']],
  ['/billing/cancelled', ['Nothing was charged', 'POST /v1/billing/checkout']],
  ['/', ['Try the API']],
])('%s says what happened, how to go on, and that it is a stand-in', async (path, said) => {
  const { status, type, text } = await load(path);
  expect({ status, type }).toEqual({ status: 200, type: 'text/html; charset=utf-8' });
  for (const words of [...said, 'stand-in', 'FRONTEND_URL', 'href="http://localhost:5000/docs"']) {
    expect(text).toContain(words);
  }
});

it.each(['/nowhere', '/constructor', '/billing/success/<script>'])('%s is not found', async (path) => {
  const { status, text } = await load(path);
  expect(status).toBe(404);
  expect(text).not.toContain('<script>');
});

it('a port that is taken is told', async () => {
  const port = Number(new URL(frontEnd.url).port);
  await expect(startFrontEnd({ port, apiUrl: 'http://localhost:5000' })).rejects.toThrow('EADDRINUSE');
});
