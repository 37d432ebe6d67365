/** Accepting prompts, answering them and showing the answers as they come, in one process, by hand. */
import type { ServerResponse } from 'node:http';
import { acceptPrompts } from './accepting.js';
import { answerPrompts, LIMIT_TEXTS, streamKey, type Text } from './answering.js';
import { type Limit, serveLimit } from './server.js';

const HEAD = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' };

await serveLimit((limit) => {
  acceptPrompts(limit);
  answerPrompts(limit);
  return streamReplies(limit);
});

/** What is there already, and then what comes. */
async function streamReplies({ server, redis }: Limit): Promise<void> {
  const open = new Map<string, ServerResponse>();

  server.get<{ Params: { reply: string } }>(
    '/v1/chatrooms/:room/messages/:reply/stream',
    async ({ params }, reply) => {
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, HEAD);
      raw.flushHeaders();
      open.set(params.reply, raw);
      raw.once('close', () => open.delete(params.reply));
      for (const [, [, , , type = '', , text = '']] of await redis.xrange(
        streamKey(params.reply),
        '-',
        '+',
      )) {
        tell(raw, { replyId: params.reply, type, text });
      }
    },
  );

  const subscriber = redis.duplicate();
  subscriber.on('message', (_channel, message: string) => {
    const text = JSON.parse(message) as Text;
    const raw = open.get(text.replyId);
    if (raw !== undefined) tell(raw, text);
  });
  await subscriber.subscribe(LIMIT_TEXTS);
}

function tell(raw: ServerResponse, { type, text }: Text): void {
  if (type === 'final') raw.end(`event: done\ndata: ${JSON.stringify({ status: 'completed' })}\n\n`);
  else if (type === 'delta') raw.write(`event: delta\ndata: ${JSON.stringify({ text })}\n\n`);
}
