import { Agent, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { fastify, type FastifyInstance } from 'fastify';
import { takeConnectionsFirst } from './connections-first.js';

const CONNECTIONS = 40;
/** How long a request takes the whole process, ms. */
const WORK_MS = 2;

let server: FastifyInstance;
let agent: Agent;
/** How many requests were begun before each connection was taken. */
const begunBefore: number[] = [];
let begun = 0;

beforeEach(async () => {
  agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  server = fastify();
  takeConnectionsFirst(server);
  server.server.on('connection', () => begunBefore.push(begun));
  server.get('/', () => {
    begun += 1;
    const from = performance.now();
    while (performance.now() - from < WORK_MS);
    return 'ok';
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  agent.destroy();
  await server.close();
});

const get = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const { port } = server.server.address() as AddressInfo;
    request({ host: '127.0.0.1', port, agent }, (response) => {
      response.resume().once('end', () => {
        resolve(response.statusCode ?? 0);
      });
    })
      .once('error', reject)
      .end();
  });

it('of many connections that come at once the last is taken before the others are served twice', async () => {
  const statuses = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => [await get(), await get(), await get()]),
  );
  expect(new Set(statuses.flat())).toEqual(new Set([200]));
  expect(begunBefore).toHaveLength(CONNECTIONS);
  expect(Math.max(...begunBefore)).toBeLessThan(CONNECTIONS);
});
