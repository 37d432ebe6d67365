/** Accepting a prompt, by hand. */
import { serveLimit } from './server.js';
import { acceptPrompts } from './accepting.js';

await serveLimit(acceptPrompts);
