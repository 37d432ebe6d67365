import { setTimeout } from 'node:timers/promises';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Env } from '../config/env.js';

/**
 * A process on its way out says so at once and serves on until whoever sends it traffic has seen that. This is the first
 * step of stopping: everything else works as before until it is over.
 */
@Injectable()
export class Draining implements OnModuleDestroy {
  private begun = false;

  constructor(
    private readonly env: Env,
    private readonly http: HttpAdapterHost,
  ) {}

  get isOn(): boolean {
    return this.begun;
  }

  async onModuleDestroy(): Promise<void> {
    this.begun = true;
    // Workers and commands have nobody who sends them anything.
    if (this.http.listening) await setTimeout(this.env.SHUTDOWN_DELAY_MS);
  }
}
