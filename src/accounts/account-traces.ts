import { Inject, Injectable } from '@nestjs/common';
import { TitleQueue } from '../queue/title-queue.js';
import { keys } from '../redis/keys.js';
import type { RedisClient } from '../redis/redis-client.js';
import { REDIS } from '../redis/redis.module.js';

const DAY_MS = 86_400_000;
/** Days around today that a person may have a count of prompts for. */
const DAYS_COUNTED = [-3, -2, -1, 0, 1];

/** What Redis holds of a person beside replies. All of it can be repeated. */
@Injectable()
export class AccountTraces {
  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly titleQueue: TitleQueue,
  ) {}

  forgetRooms(chatroomIds: readonly string[]): Promise<void> {
    return this.titleQueue.discard(chatroomIds);
  }

  /**
   * What is named after the person. The count of their requests in this minute, leases of requests that were under way,
   * a code that they had sent to another number, and how often a failure was noted end by themselves, within an hour.
   */
  async forgetPerson(userId: string): Promise<void> {
    const days = DAYS_COUNTED.map((n) => new Date(Date.now() + n * DAY_MS).toISOString().slice(0, 10));
    await this.redis.del([keys.chatroomList(userId), ...days.map((day) => keys.usage(userId, day))]);
  }
}
