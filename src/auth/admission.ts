import { Inject, Injectable } from '@nestjs/common';
import { isConnectionFailure } from '../common/connection-failure.js';
import { COUNT_REQUEST, type RequestCount } from '../common/request-counts.js';
import { THROTTLE_WINDOW_MS } from '../common/throttling.js';
import { keys } from '../redis/keys.js';
import type { RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';
import { RedisScript } from '../redis/redis-script.js';
import { LIVE, LiveSessions } from '../sessions/live-sessions.js';

/** Whether a session may make requests; and, where Redis said so, how many its person has made. */
export interface Admitted {
  isLive: boolean;
  counted: RequestCount | null;
}

/** KEYS: the copy that says that a session is live, its person's requests. ARGV: that word, the window, ms. */
const ENTER = new RedisScript<[] | [requests: number, endsInMs: number]>(`${COUNT_REQUEST}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {} end
return {countRequest(KEYS[2], ARGV[2])}`);

/** At every request: is the session live, and how many has its person made? Both in one round trip, in nearly every case. */
@Injectable()
export class Admission {
  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly sessions: LiveSessions,
  ) {}

  async enter(userId: string, sessionId: string): Promise<Admitted> {
    const [requests, endsInMs] = await this.ask(userId, sessionId);
    if (requests !== undefined && endsInMs !== undefined) {
      return { isLive: true, counted: { requests, endsInMs } };
    }
    // No copy, or no Redis. What is to be counted is counted by the guard, once it is known whose request it is.
    return { isLive: await this.sessions.isLive(userId, sessionId), counted: null };
  }

  private async ask(userId: string, sessionId: string): Promise<[] | [number, number]> {
    try {
      const touched = [keys.session(userId, sessionId), keys.requestsOf(userId)];
      return await ENTER.run(this.redis, touched, [LIVE, THROTTLE_WINDOW_MS]);
    } catch (error) {
      if (isConnectionFailure(error)) return [];
      throw error;
    }
  }
}
