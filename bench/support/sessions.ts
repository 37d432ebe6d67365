import { Redis } from 'ioredis';
import type { TestApp } from '../../test/support/test-app.js';
import { sessionKey } from '../limits/decisions.js';
import type { Person } from './people.js';

/** Lets people use a limit: it looks for their sessions under keys of its own. */
export async function admitToLimits(app: TestApp, people: readonly Person[]): Promise<void> {
  const redis = new Redis(app.redis.url);
  await Promise.all(people.map(({ id, sessionId }) => redis.set(sessionKey(id, sessionId), 'live')));
  redis.disconnect();
}
