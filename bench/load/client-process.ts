import { closedLoop } from './closed-loop.js';
import { mixed } from './mixed.js';
import { openLoop } from './open-loop.js';
import { signups } from './signups.js';
import { awaitStreams, closeStreams, openStreams } from './streams.js';
import { turns } from './turns.js';

/** What a client can be told to do. */
const LOADS = { closedLoop, openLoop, mixed, signups, turns, openStreams, awaitStreams, closeStreams };

export type Loads = typeof LOADS;

interface Call {
  call: number;
  load: keyof Loads;
  options: unknown;
}

process.on('message', ({ call, load, options }: Call) => {
  const work = LOADS[load] as (options: unknown) => Promise<unknown>;
  work(options).then(
    (result) => process.send?.({ call, result }),
    (error: unknown) => process.send?.({ call, error: error instanceof Error ? error.stack : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
