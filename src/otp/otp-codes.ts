import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { deriveKey } from '../common/derived-key.js';
import { type OtpUse, scopeOf } from '../common/otp-purpose.js';
import { Env } from '../config/env.js';
import { TestNumbers } from './test-numbers.js';

const CODES = 1_000_000;
/** Numbers of 32 bits from here on are drawn again: they would make some codes likelier than others. */
const UNBIASED_BELOW = Math.floor(2 ** 32 / CODES) * CODES;

/**
 * Makes codes, and what is stored of them. A code is a keyed function of its use and a random id: whoever has
 * the server's key and these can make it again, so that neither Redis nor the queue holds a code, ever.
 */
@Injectable()
export class OtpCodes {
  private readonly codeKey: Buffer;
  private readonly macKey: Buffer;

  constructor(
    env: Env,
    private readonly testNumbers: TestNumbers,
  ) {
    this.codeKey = deriveKey(env.JWT_SECRET, 'otp-code');
    this.macKey = deriveKey(env.JWT_SECRET, 'otp');
  }

  /** @param id random, 128 bits */
  codeFor(use: OtpUse, id: string): string {
    return this.testNumbers.codeOf(use.mobile) ?? this.derive(`${scopeOf(use)}\0${use.mobile}\0${id}`);
  }

  /** What a code is stored and compared as. Being keyed, it may be compared in any time. */
  mac(use: OtpUse, code: string): string {
    return createHmac('sha256', this.macKey)
      .update(`${scopeOf(use)}\0${use.mobile}\0${code}`)
      .digest('base64url');
  }

  private derive(seed: string): string {
    for (let draw = 0; ; draw += 1) {
      const number = createHmac('sha256', this.codeKey).update(`${seed}\0${draw}`).digest().readUInt32BE();
      if (number < UNBIASED_BELOW) return (number % CODES).toString().padStart(6, '0');
    }
  }
}
