/** The cached list of rooms, by hand: `/one-get` reads the list and nothing else, `/` decides first what must be decided. */
import { Decisions, listKey } from './decisions.js';
import { sendJson, serveLimit } from './server.js';

await serveLimit(({ server, redis, authenticate }) => {
  const decisions = new Decisions(redis, `return redis.call('GET', KEYS[3])`);

  server.get('/one-get', async (request, reply) => {
    const { sub } = authenticate(request);
    return sendJson(reply, (await redis.get(listKey(sub))) ?? '');
  });

  server.get('/', async (request, reply) => {
    await decisions.address(request.ip);
    const { sub, sid } = authenticate(request);
    return sendJson(reply, (await decisions.person(sub, sid, [listKey(sub)], [])) as string);
  });
});
