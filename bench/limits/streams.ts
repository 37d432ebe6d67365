/** Streams held open, by hand: nothing is kept of one but its response and its heartbeat. */
import type { ServerResponse } from 'node:http';
import { Decisions } from './decisions.js';
import { serveLimit } from './server.js';
import { LIMIT_STREAMS } from './stream-channel.js';

const HEARTBEAT_MS = 15_000;
const HEAD = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' };

await serveLimit(({ server, redis, authenticate }) => {
  const decisions = new Decisions(redis, 'return false');
  const open = new Set<ServerResponse>();

  server.get('/stream', async (request, reply) => {
    await decisions.address(request.ip);
    const { sub, sid } = authenticate(request);
    await decisions.person(sub, sid, [], []);
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, HEAD);
    raw.flushHeaders();
    open.add(raw);
    const heartbeat = setInterval(() => raw.write(': heartbeat\n\n'), HEARTBEAT_MS);
    raw.once('close', () => {
      clearInterval(heartbeat);
      open.delete(raw);
    });
  });

  const subscriber = redis.duplicate();
  subscriber.on('message', (_channel, text: string) => {
    for (const raw of open) {
      raw.write(`event: delta\ndata: ${JSON.stringify({ text })}\n\n`);
      raw.end(`event: done\ndata: ${JSON.stringify({ content: text })}\n\n`);
    }
  });
  return subscriber.subscribe(LIMIT_STREAMS).then(() => undefined);
});
