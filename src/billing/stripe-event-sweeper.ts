import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { repeat } from '../common/repeat.js';
import { Env } from '../config/env.js';
import { StripeEventQueue } from '../queue/stripe-event-queue.js';
import type { StripeEvent } from './stripe-event.entity.js';
import { StripeEventsRepository } from './stripe-events.repository.js';

const BATCH = 1000;

/** Queues every stored event again that was not acted on and may have no job. Queueing is idempotent. */
@Injectable()
export class StripeEventSweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private stop: (() => void) | undefined;

  constructor(
    private readonly env: Env,
    private readonly events: StripeEventsRepository,
    private readonly queue: StripeEventQueue,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = repeat('The sweep for stored events', this.env.SWEEP_INTERVAL_MS, () => this.sweep());
  }

  onModuleDestroy(): void {
    this.stop?.();
  }

  /** To the end: events that wait for their next attempt must not keep newer ones from being seen. */
  private async sweep(): Promise<void> {
    const before = new Date(Date.now() - this.env.SWEEP_INTERVAL_MS);
    let last: StripeEvent | null = null;
    for (;;) {
      const pending: StripeEvent[] = await this.events.listPending(before, last, BATCH);
      await this.queue.enqueueAll(pending.map(({ id }) => id));
      last = pending.at(-1) ?? null;
      if (pending.length < BATCH) return;
    }
  }
}
