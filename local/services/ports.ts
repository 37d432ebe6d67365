import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { LocalError } from './local-error.js';
import { findPortHolder } from './port-holder.js';

/** Tries to listen, then lets go. @returns the port, or the error code that listening gave. */
async function tryListen(port: number, host: string): Promise<number | string> {
  const server = createServer();
  server.listen({ port, host, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** Below what Linux and macOS give to outgoing connections: such a port is not taken before it is listened on. */
const [LOWEST, HIGHEST] = [15_000, 32_000];
const TRIES = 100;

/** Where this process goes on looking. Each begins somewhere else. */
let candidate = randomInt(LOWEST, HIGHEST);

function nextCandidate(): number {
  candidate = candidate + 1 < HIGHEST ? candidate + 1 : LOWEST;
  return candidate;
}

/** A port that nobody listens on now. It is not found again before all others were, as it may be listened on only in a while. */
export async function findFreePort(): Promise<number> {
  for (let left = TRIES; left > 0; left -= 1) {
    const port = await tryListen(nextCandidate(), '127.0.0.1');
    if (typeof port === 'number') return port;
  }
  throw new Error(`no free port on 127.0.0.1 from ${LOWEST} to ${HIGHEST}`);
}

/**
 * The wildcards are tried besides the loopback address because macOS lets a program listen on one while another has the other
 * (its AirPlay receiver sits on *:5000). A machine without IPv6 has nothing to be taken there.
 */
async function whyNotFree(port: number): Promise<'EADDRINUSE' | 'EACCES' | null> {
  for (const host of ['127.0.0.1', '0.0.0.0', '::1', '::']) {
    const result = await tryListen(port, host);
    if (result === 'EADDRINUSE' || result === 'EACCES') return result;
  }
  return null;
}

/**
 * @param remedy what the person can do, as the end of the sentence: "set PORT to another, e.g. PORT=5001 npm run local".
 * @throws LocalError that says who has the port, where that can be found.
 */
export async function requireFreePort(port: number, remedy: string): Promise<void> {
  const reason = await whyNotFree(port);
  if (reason === null) return;
  if (reason === 'EACCES') throw new LocalError(`port ${port} may not be used by this user; ${remedy}`);
  const holder = await findPortHolder(port);
  const by = holder ? ` (by pid ${holder.pid}, ${holder.name})` : '';
  throw new LocalError(`port ${port} is taken${by}; ${remedy}`);
}
