import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { AuthEventsRepository } from '../audit/auth-events.repository.js';
import { repeat } from '../common/repeat.js';
import { Env } from '../config/env.js';
import { SessionsRepository } from './sessions.repository.js';

const BATCH = 1000;
const DAY_MS = 86_400_000;

/** Deletes sessions that have expired, and what happened to them when that is past its time. */
@Injectable()
export class SessionSweeper implements OnApplicationBootstrap, OnModuleDestroy {
  private stop: (() => void) | undefined;

  constructor(
    private readonly env: Env,
    private readonly sessions: SessionsRepository,
    private readonly events: AuthEventsRepository,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = repeat('The sweep for old sessions', this.env.SWEEP_INTERVAL_MS, () => this.sweep());
  }

  onModuleDestroy(): void {
    this.stop?.();
  }

  private async sweep(): Promise<void> {
    while ((await this.sessions.prune(BATCH)) === BATCH);
    const horizon = new Date(Date.now() - this.env.AUTH_EVENT_RETENTION_DAYS * DAY_MS);
    while ((await this.events.prune(horizon, BATCH)) === BATCH);
  }
}
