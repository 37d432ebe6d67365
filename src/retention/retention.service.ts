import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Env } from '../config/env.js';
import { RETENTION_RULES, type RetentionRule } from './retention-rules.js';
import { RetentionRepository } from './retention.repository.js';

/** Rows that one statement deletes: milliseconds of work, and of locks. */
const BATCH = 1000;

/** What a rule has come to. */
export interface PrunedRows {
  rule: string;
  rows: number;
  /** There may be more: the next run looks again. */
  failed?: true;
}

/** Deletes what is past its time. */
@Injectable()
export class Retention {
  private readonly logger = new Logger('Retention');

  constructor(
    private readonly env: Env,
    private readonly repository: RetentionRepository,
  ) {}

  /** Rule by rule; where one fails, that is logged and the others go on. Safe to run in several processes at once. */
  async prune(stopping?: AbortSignal): Promise<PrunedRows[]> {
    const now = await this.repository.now();
    const report: PrunedRows[] = [];
    for (const rule of RETENTION_RULES)
      report.push(await this.pruneRule(rule, this.horizon(rule, now), stopping));
    return report;
  }

  /** How many rows `prune` would delete. */
  async count(): Promise<PrunedRows[]> {
    const now = await this.repository.now();
    const report: PrunedRows[] = [];
    for (const rule of RETENTION_RULES) {
      report.push({ rule: rule.name, rows: await this.repository.count(rule, this.horizon(rule, now)) });
    }
    return report;
  }

  private async pruneRule(rule: RetentionRule, before: Date, stopping?: AbortSignal): Promise<PrunedRows> {
    let rows = 0;
    try {
      while (!stopping?.aborted) {
        const began = performance.now();
        const deleted = await this.repository.prune(rule, before, BATCH);
        rows += deleted;
        if (deleted < BATCH) break;
        // However much there is, at least half of the time is left to others.
        await pause(performance.now() - began);
      }
      return { rule: rule.name, rows };
    } catch (err) {
      this.logger.warn(
        { err, rule: rule.name, rows },
        'Not everything that is past its time could be deleted',
      );
      return { rule: rule.name, rows, failed: true };
    }
  }

  private horizon(rule: RetentionRule, now: Date): Date {
    return new Date(now.getTime() - rule.keptMs(this.env));
  }
}
