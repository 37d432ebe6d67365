import { getQueueToken } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { Queue } from 'bullmq';
import { QUEUES, type QueueName } from './queues.js';

const STATES = ['waiting', 'prioritized', 'active', 'delayed', 'failed'] as const;

export interface QueueDepth {
  queue: QueueName;
  jobs: Record<(typeof STATES)[number], number>;
  /** For how long the next job has waited for a worker, seconds; 0 where none waits. */
  oldestAge: number;
}

/** How much every queue holds. */
@Injectable()
export class QueueDepths {
  constructor(private readonly modules: ModuleRef) {}

  /** A few commands a queue, however much it holds. */
  read(): Promise<QueueDepth[]> {
    return Promise.all(QUEUES.map((name) => this.readOne(name)));
  }

  private async readOne(name: QueueName): Promise<QueueDepth> {
    const queue = this.modules.get<Queue>(getQueueToken(name), { strict: false });
    const [counts, next] = await Promise.all([
      queue.getJobCounts(...STATES),
      // The first of each.
      queue.getJobs(['waiting', 'prioritized'], 0, 0, true),
    ]);
    const since = Math.min(...next.map(({ timestamp }) => timestamp));
    return {
      queue: name,
      jobs: {
        waiting: counts.waiting ?? 0,
        prioritized: counts.prioritized ?? 0,
        active: counts.active ?? 0,
        delayed: counts.delayed ?? 0,
        failed: counts.failed ?? 0,
      },
      oldestAge: next.length === 0 ? 0 : Math.max(0, Date.now() - since) / 1000,
    };
  }
}
