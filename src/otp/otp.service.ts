import { randomBytes } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { addressBlock } from '../common/address-block.js';
import { AppError } from '../common/app-error.js';
import type { OtpUse } from '../common/otp-purpose.js';
import { Env } from '../config/env.js';
import { destinationOf } from './destination.js';
import { GuessLimits, guessLimitError, lockedError } from './guess-limits.js';
import { OtpCodes } from './otp-codes.js';
import { OtpStore } from './otp-store.js';
import { type Send, SendLimits } from './send-limits.js';
import { TestNumbers } from './test-numbers.js';

const ID_BYTES = 16;
const randomId = (): string => randomBytes(ID_BYTES).toString('base64url');

export interface IssuedOtp extends Send, OtpUse {
  /** The plain code: for delivery only. */
  code: string;
  expiresAt: Date;
  resendAt: Date;
}

/** One-time codes: six digits, bound to a purpose and a number, to a person too where it is theirs alone, good once. Knows nothing of accounts. */
@Injectable()
export class OtpService {
  private readonly logger = new Logger('Otp');

  constructor(
    private readonly env: Env,
    private readonly codes: OtpCodes,
    private readonly store: OtpStore,
    private readonly sends: SendLimits,
    private readonly guesses: GuessLimits,
    private readonly testNumbers: TestNumbers,
  ) {}

  /**
   * Makes a code that replaces an earlier one. Sending it is up to the caller.
   *
   * @param ip of who asks
   * @throws AppError COUNTRY_NOT_ALLOWED, and those of SendLimits; the earlier code then stays good
   */
  async issue(use: OtpUse, ip: string): Promise<IssuedOtp> {
    const { mobile } = use;
    const send = { id: randomId(), mobile, address: addressBlock(ip) };
    const isTest = this.testNumbers.has(mobile);
    if (!isTest) await this.requireAllowedCountry(mobile);
    await (isTest ? this.sends.takeUnsent(send) : this.sends.take(send));
    const now = Date.now();
    const code = this.codes.codeFor(use, send.id);
    const expiresAt = new Date(now + this.env.OTP_TTL_SECONDS * 1000);
    await this.store.replace({ ...use, id: send.id, mac: this.codes.mac(use, code), expiresAt });
    const resendAt = new Date(isTest ? now : now + this.env.OTP_RESEND_SECONDS * 1000);
    return { ...send, ...use, code, expiresAt, resendAt };
  }

  /**
   * Uses a code up.
   *
   * @param prepare what takes long or can be refused, and must be there before the code is used up; not begun where the
   * address has no guess left. What it throws leaves the code as it was
   * @throws AppError OTP_INVALID, OTP_EXHAUSTED; OTP_GUESS_LIMIT_REACHED, OTP_LOCKED with the seconds to wait
   */
  async consume<T>(use: OtpUse, code: string, ip: string, prepare: () => Promise<T>): Promise<T> {
    const [guessId, address] = [randomId(), addressBlock(ip)];
    await this.guesses.take(address, guessId);
    const prepared = await prepare().catch(async (error: unknown) => {
      await this.giveBack(address, guessId);
      throw error;
    });
    const mac = this.codes.mac(use, code);
    const [outcome, wait] = await this.store.consume(use, mac, guessId);
    if (outcome === 'invalid') throw new AppError('OTP_INVALID');
    if (outcome === 'exhausted') throw new AppError('OTP_EXHAUSTED');
    if (outcome === 'limited') throw guessLimitError('Too many codes were tried for this number.', wait);
    if (outcome === 'locked') throw lockedError(wait);
    await this.giveBack(address, guessId);
    return prepared;
  }

  /** What came before it stands, so it never throws. */
  private async giveBack(address: string, guessId: string): Promise<void> {
    await this.guesses.giveBack(address, guessId).catch((err: unknown) => {
      this.logger.warn({ err }, 'A right code still counts as a guess of its address');
    });
  }

  /** Takes codes back that nobody has used, all of one number. What bounds sending and guessing stays. */
  withdraw(uses: readonly OtpUse[]): Promise<void> {
    return this.store.remove(uses);
  }

  private async requireAllowedCountry(mobile: string): Promise<void> {
    const { OTP_COUNTRIES: allowed } = this.env;
    if (allowed.length === 0) return;
    const { country } = await destinationOf(mobile);
    if (allowed.includes(country ?? '')) return;
    throw new AppError('COUNTRY_NOT_ALLOWED', { detail: 'Use a number of a country that we serve.' });
  }
}
