import type { Env } from '../config/env.js';

/** Rows that are kept for a time only. */
export interface RetentionRule {
  /** For operators; unique. */
  readonly name: string;
  readonly table: string;
  /** The columns of the primary key. */
  readonly key: readonly string[];
  /** The column that says how old a row is: a time, or an id that holds one (UUIDv7). */
  readonly age: string;
  /** SQL for which of them; all by default. With `age`, the beginning of an index. */
  readonly where?: string;
  /** How long they are kept, ms. */
  keptMs(env: Env): number;
}

const DAY_MS = 86_400_000;

/**
 * Everything that grows with use and not with what people have: see docs/operations.md, which also says what bounds the
 * other tables.
 */
export const RETENTION_RULES: readonly RetentionRule[] = [
  {
    name: 'sessions',
    table: 'sessions',
    key: ['user_id', 'id'],
    age: 'expires_at',
    keptMs: () => 0,
  },
  {
    name: 'idempotency_keys',
    table: 'idempotency_keys',
    key: ['user_id', 'key'],
    age: 'created_at',
    keptMs: (env) => env.IDEMPOTENCY_TTL_SECONDS * 1000,
  },
  {
    name: 'auth_events',
    table: 'auth_events',
    key: ['user_id', 'id'],
    age: 'created_at',
    keptMs: (env) => env.AUTH_EVENT_RETENTION_DAYS * DAY_MS,
  },
  {
    name: 'prompt_charges',
    table: 'prompt_charges',
    key: ['user_id', 'id'],
    age: 'id',
    keptMs: (env) => env.PROMPT_CHARGE_RETENTION_DAYS * DAY_MS,
  },
  {
    name: 'stripe_events',
    table: 'stripe_events',
    key: ['id'],
    age: 'received_at',
    where: `status IN ('processed', 'ignored')`,
    keptMs: (env) => env.STRIPE_EVENT_RETENTION_DAYS * DAY_MS,
  },
  {
    name: 'stripe_events, failed',
    table: 'stripe_events',
    key: ['id'],
    age: 'received_at',
    where: `status = 'failed'`,
    keptMs: (env) => env.STRIPE_FAILED_EVENT_RETENTION_DAYS * DAY_MS,
  },
];
