import { burst } from './cases/burst.js';
import { firstToken } from './cases/first-token.js';
import { history } from './cases/history.js';
import { logins } from './cases/logins.js';
import { parallel } from './cases/parallel.js';
import { prompts } from './cases/prompts.js';
import { rooms } from './cases/rooms.js';
import { search } from './cases/search.js';
import { signups } from './cases/signups.js';
import { soak } from './cases/soak.js';
import { start } from './cases/start.js';
import { streams } from './cases/streams.js';
import type { Case } from './harness/case.js';

/** In the order in which they run. */
export const CASES: readonly Case[] = [
  rooms,
  prompts,
  burst,
  parallel,
  firstToken,
  history,
  search,
  streams,
  signups,
  start,
  logins,
  soak,
];
