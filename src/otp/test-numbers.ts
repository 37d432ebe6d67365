import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Env } from '../config/env.js';

const DAY_MS = 86_400_000;

/** Numbers that sign in with a fixed code until a date, and that nothing is sent to. */
@Injectable()
export class TestNumbers implements OnApplicationBootstrap {
  private readonly codes: ReadonlyMap<string, string>;
  private readonly endsAt: number;

  constructor(private readonly env: Env) {
    this.codes = new Map(env.OTP_TEST_NUMBERS.map((each) => each.split('=') as [string, string]));
    this.endsAt = this.codes.size > 0 ? Date.parse(env.OTP_TEST_NUMBERS_UNTIL) + DAY_MS : 0;
  }

  has(mobile: string): boolean {
    return this.codeOf(mobile) !== undefined;
  }

  codeOf(mobile: string): string | undefined {
    return Date.now() < this.endsAt ? this.codes.get(mobile) : undefined;
  }

  onApplicationBootstrap(): void {
    if (this.codes.size === 0 || this.env.NODE_ENV !== 'production') return;
    const logger = new Logger(TestNumbers.name);
    const { OTP_TEST_NUMBERS_UNTIL: until } = this.env;
    if (Date.now() < this.endsAt) {
      logger.warn(
        `OTP_TEST_NUMBERS lets ${this.codes.size} number(s) sign in with a fixed code until ${until}`,
      );
    } else logger.warn(`OTP_TEST_NUMBERS ended on ${until} and can be removed`);
  }
}
