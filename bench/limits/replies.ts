/** Accepting prompts and answering them in one process, by hand. */
import { acceptPrompts } from './accepting.js';
import { answerPrompts } from './answering.js';
import { serveLimit } from './server.js';

await serveLimit((limit) => {
  acceptPrompts(limit);
  answerPrompts(limit);
});
