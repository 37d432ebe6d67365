import { InjectQueue } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';
import { Env } from '../config/env.js';
import { TITLE_QUEUE, type TitleJob } from './queues.js';
import { addJob } from './traced-jobs.js';

/** Few: what fails for longer waits for the room's next exchange. */
const ATTEMPTS = 3;
/** A title is in less of a hurry than a reply, and must not take the model from one that is tried again. */
const TIMES_THE_PAUSE_OF_A_REPLY = 4;

@Injectable()
export class TitleQueue {
  constructor(
    private readonly env: Env,
    @InjectQueue(TITLE_QUEUE) private readonly queue: Queue<TitleJob>,
  ) {
    // As in ReplyQueue.
    queue.on('error', () => undefined);
  }

  /** A second job for a room that has one already is not added. */
  async enqueue(job: TitleJob): Promise<void> {
    await addJob(this.queue, 'title', job, {
      jobId: job.chatroomId,
      attempts: ATTEMPTS,
      backoff: {
        type: 'exponential',
        delay: this.env.REPLY_RETRY_BASE_MS * TIMES_THE_PAUSE_OF_A_REPLY,
        jitter: 0.5,
      },
      removeOnComplete: true,
      removeOnFail: true,
    });
  }

  /** Takes the jobs of rooms out that are gone. One that is being worked on ends by itself. */
  async discard(chatroomIds: readonly string[]): Promise<void> {
    await Promise.all(chatroomIds.map((chatroomId) => this.queue.remove(chatroomId)));
  }
}
