import { createHmac, randomInt } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { AppError } from '../common/app-error.js';
import { deriveKey } from '../common/derived-key.js';
import { Env } from '../config/env.js';
import { keys } from '../redis/keys.js';
import { REDIS } from '../redis/redis.module.js';
import { RedisScript } from '../redis/redis-script.js';

/** What a code is good for; a code for one purpose is worthless for another. */
export type OtpPurpose = 'sign-in' | 'reset-password';

export interface IssuedOtp {
  /** The plain code: for delivery only. */
  code: string;
  expiresAt: Date;
  resendAt: Date;
}

/** Puts a new code in the place of the old one, unless that was sent a moment ago. Returns 0, or the ms to wait. */
const ISSUE = new RedisScript<number>(`
local sentAt = tonumber(redis.call('HGET', KEYS[1], 'sentAt') or '0')
local wait = sentAt + tonumber(ARGV[3]) - tonumber(ARGV[2])
if wait > 0 then return wait end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'mac', ARGV[1], 'sentAt', ARGV[2], 'expiresAt', ARGV[2] + ARGV[4], 'guesses', 0)
redis.call('PEXPIRE', KEYS[1], math.max(ARGV[3], ARGV[4]))
return 0`);

/**
 * Counts the guess, then compares, then uses the code up: in one step, so parallel guesses are counted exactly and one
 * code lets one request in.
 */
const CONSUME = new RedisScript<'ok' | 'invalid' | 'exhausted'>(`
local mac = redis.call('HGET', KEYS[1], 'mac')
if not mac or tonumber(redis.call('HGET', KEYS[1], 'expiresAt')) <= tonumber(ARGV[3]) then return 'invalid' end
local guesses = redis.call('HINCRBY', KEYS[1], 'guesses', 1)
if guesses > tonumber(ARGV[2]) then return 'exhausted' end
if mac ~= ARGV[1] then return 'invalid' end
redis.call('DEL', KEYS[1])
return 'ok'`);

/** One-time codes: six digits, bound to a purpose and a number, stored as a keyed MAC. */
@Injectable()
export class OtpService {
  private readonly key: Buffer;

  constructor(
    private readonly env: Env,
    @Inject(REDIS) private readonly redis: Redis,
  ) {
    this.key = deriveKey(env.JWT_SECRET, 'otp');
  }

  /** @throws AppError OTP_RESEND_TOO_SOON with the seconds to wait */
  async issue(purpose: OtpPurpose, mobile: string): Promise<IssuedOtp> {
    const code = randomInt(1_000_000).toString().padStart(6, '0');
    const now = Date.now();
    const wait = await ISSUE.run(
      this.redis,
      [keys.otp(purpose, mobile)],
      [
        this.mac(purpose, mobile, code),
        now,
        this.env.OTP_RESEND_SECONDS * 1000,
        this.env.OTP_TTL_SECONDS * 1000,
      ],
    );
    if (wait > 0) {
      const seconds = Math.ceil(wait / 1000);
      throw new AppError('OTP_RESEND_TOO_SOON', {
        detail: `Use the code that was sent, or ask again in ${seconds} seconds.`,
        retryAfterSeconds: seconds,
      });
    }
    return {
      code,
      expiresAt: new Date(now + this.env.OTP_TTL_SECONDS * 1000),
      resendAt: new Date(now + this.env.OTP_RESEND_SECONDS * 1000),
    };
  }

  /** @throws AppError OTP_INVALID, OTP_EXHAUSTED */
  async consume(purpose: OtpPurpose, mobile: string, code: string): Promise<void> {
    const outcome = await CONSUME.run(
      this.redis,
      [keys.otp(purpose, mobile)],
      [this.mac(purpose, mobile, code), this.env.OTP_MAX_GUESSES, Date.now()],
    );
    if (outcome === 'exhausted') throw new AppError('OTP_EXHAUSTED');
    if (outcome === 'invalid') throw new AppError('OTP_INVALID');
  }

  private mac(purpose: OtpPurpose, mobile: string, code: string): string {
    return createHmac('sha256', this.key).update(`${purpose}\0${mobile}\0${code}`).digest('base64url');
  }
}
