import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Piscina } from 'piscina';
import { AppError } from '../common/app-error.js';
import { Env } from '../config/env.js';
import type { HashTask, VerifyTask } from './argon2.worker.js';

/** Length in characters (NIST SP 800-63B-4: at least 8 beside a second factor, at least 64 accepted). */
export const PASSWORD_LENGTH_MIN = 8;
export const PASSWORD_LENGTH_MAX = 128;

/** As @node-rs/argon2 makes them. */
const SALT_BYTES = 16;
const DIGEST_BYTES = 32;
const IDLE_THREAD_MS = 60_000;
const BUSY_RETRY_SECONDS = 2;

/**
 * Argon2id in threads of its own: so many at once and at a low priority, so that people who sign in do not stall those
 * who chat; and so many waiting, so that a storm is refused at once instead of answered too late.
 */
@Injectable()
export class Passwords implements OnApplicationShutdown {
  private readonly today: string;
  /** By parameters, all that were seen: a hash to compare with in place of somebody's. */
  private readonly decoys = new Map<string, string>();
  private threads: Piscina | undefined;

  constructor(private readonly env: Env) {
    this.today = `$argon2id$v=19$m=${env.PASSWORD_HASH_MEMORY_KIB},t=${env.PASSWORD_HASH_PASSES},p=1`;
    this.decoys.set(this.today, decoyOf(this.today));
  }

  /** @throws AppError PASSWORDS_BUSY */
  async hash(password: string): Promise<string> {
    const task: HashTask = {
      password: password.normalize('NFKC'),
      memoryCost: this.env.PASSWORD_HASH_MEMORY_KIB,
      timeCost: this.env.PASSWORD_HASH_PASSES,
    };
    return (await this.freeThreads().run(task, { name: 'hash' })) as string;
  }

  /**
   * Does the same work for every account and for none: one comparison for each set of parameters that this process has
   * seen. That is one, until it meets a hash that was made with others than today's.
   *
   * @param stored PHC string; null compares with decoys alone and is always false
   * @throws AppError PASSWORDS_BUSY
   */
  async matches(stored: string | null, password: string): Promise<boolean> {
    const parameters = stored === null ? this.today : parametersOf(stored);
    const decoy = this.decoys.get(parameters) ?? decoyOf(parameters);
    this.decoys.set(parameters, decoy);
    const task: VerifyTask = {
      password: password.normalize('NFKC'),
      stored: stored ?? decoy,
      decoys: [...this.decoys.values()].filter((other) => other !== decoy),
    };
    const matches = (await this.freeThreads().run(task, { name: 'verify' })) as boolean;
    return matches && stored !== null;
  }

  /** Whether a hash was made with other parameters than today's. */
  isOutdated(stored: string): boolean {
    return parametersOf(stored) !== this.today;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.threads?.destroy();
  }

  /**
   * For who has other work to do before: a storm is refused before it costs that.
   *
   * @throws AppError PASSWORDS_BUSY
   */
  assertNotBusy(): void {
    if ((this.threads?.queueSize ?? 0) < this.env.PASSWORD_HASH_WAITING_MAX) return;
    throw new AppError('PASSWORDS_BUSY', {
      detail: 'Try again in a moment, or sign in with a code.',
      retryAfterSeconds: BUSY_RETRY_SECONDS,
    });
  }

  /** The threads, unless their waiting line is full. They start when they are needed and end when they are not. */
  private freeThreads(): Piscina {
    this.assertNotBusy();
    this.threads ??= new Piscina({
      // By way of the parent: this code itself is elsewhere in a bundle (see bundle.mjs).
      filename: new URL('../passwords/argon2.worker.js', import.meta.url).href,
      minThreads: 0,
      maxThreads: this.env.PASSWORD_HASH_PARALLEL || Math.max(1, availableParallelism() - 1),
      idleTimeout: IDLE_THREAD_MS,
      niceIncrement: this.env.PASSWORD_HASH_NICE,
    });
    return this.threads;
  }
}

/** `$argon2id$v=19$m=…,t=…,p=…`: a PHC string without its salt and digest. */
const parametersOf = (stored: string): string => stored.split('$', 4).join('$');

/** A PHC string that no password is known to match. */
const decoyOf = (parameters: string): string =>
  [parameters, ...[SALT_BYTES, DIGEST_BYTES].map((bytes) => unpaddedBase64(randomBytes(bytes)))].join('$');

const unpaddedBase64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
