import type { FastifyInstance } from 'fastify';

/** Requests wait no longer than this, of the processor's time, µs: what the 511 that Node lets wait may take. */
const HOLD_MAX_US = 250_000;

/**
 * Takes all connections that come at once before it begins another request. Node takes one in each turn of its event loop
 * (libuv since 1.45, github.com/libuv/libuv/pull/3696), so of 100 the last would wait for 100 turns, each full of
 * the requests of those before it. Turns in which requests only wait take 0.1 to 1 ms.
 */
export function takeConnectionsFirst(fastify: FastifyInstance): void {
  const held: (() => void)[] = [];
  let isHolding = false;
  let hasCome = false;
  let since = process.cpuUsage();

  const endTurn = (): void => {
    const { user, system } = process.cpuUsage(since);
    if (hasCome && user + system < HOLD_MAX_US) {
      hasCome = false;
      setImmediate(endTurn);
      return;
    }
    isHolding = false;
    for (const begin of held.splice(0)) begin();
  };
  fastify.server.on('connection', () => {
    hasCome = true;
    if (isHolding) return;
    isHolding = true;
    since = process.cpuUsage();
    setImmediate(endTurn);
  });
  fastify.addHook('onRequest', (_request, _reply, done) => {
    if (isHolding) held.push(done);
    else done();
  });
}
