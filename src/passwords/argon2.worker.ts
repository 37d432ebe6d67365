import { Algorithm, hashSync, verifySync } from '@node-rs/argon2';

export interface HashTask {
  password: string;
  /** KiB. */
  memoryCost: number;
  /** Passes over that memory. */
  timeCost: number;
}

export interface VerifyTask {
  password: string;
  /** PHC string. */
  stored: string;
  /** PHC strings that are compared with too, only to take the time. */
  decoys: string[];
}

/** Tasks of the threads that `Passwords` starts. Synchronous: libuv's own threads stay free for DNS and files. */
export const hash = ({ password, ...cost }: HashTask): string =>
  hashSync(password, { algorithm: Algorithm.Argon2id, parallelism: 1, ...cost });

export function verify({ password, stored, decoys }: VerifyTask): boolean {
  for (const decoy of decoys) verifySync(decoy, password);
  return verifySync(stored, password);
}
