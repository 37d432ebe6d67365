import { pathToFileURL } from 'node:url';

/** NODE_OPTIONS for an application process with a clock of its own; see clock.mjs for what else it needs. */
export const SHIFTED_CLOCK = `--import=${pathToFileURL('test/faults/support/clock.mjs').href}`;
