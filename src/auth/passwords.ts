import { Injectable } from '@nestjs/common';
import { Algorithm, hash, verify } from '@node-rs/argon2';

/** Length in characters (NIST SP 800-63B-4: at least 8 beside a second factor, at least 64 accepted). */
export const PASSWORD_LENGTH_MIN = 8;
export const PASSWORD_LENGTH_MAX = 128;

/** 19 MiB, two passes, one lane (OWASP Password Storage). Runs on libuv's threads, not on the event loop. */
const PARAMETERS = { algorithm: Algorithm.Argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

@Injectable()
export class Passwords {
  /** Compared with when there is no account, so that the answer takes as long. */
  private readonly decoy = this.hash('nobody has this password');

  hash(password: string): Promise<string> {
    return hash(password.normalize('NFKC'), PARAMETERS);
  }

  /** @param stored PHC string; null compares with a decoy and is always false */
  async matches(stored: string | null, password: string): Promise<boolean> {
    const matches = await verify(stored ?? (await this.decoy), password.normalize('NFKC'));
    return matches && stored !== null;
  }
}
