import type { Answer, Problem } from './api.js';
import type { SignedIn, User } from './factories.js';
import type { OtpSent } from './sign-in.js';
import type { TestApp } from './test-app.js';
import { until } from './until.js';
import { openRedis } from './whole-redis.js';

type By = Pick<SignedIn, 'token'>;

const codeOf = ({ status, body }: Answer<OtpSent>): string => {
  if (status !== 200 || body.otp === undefined) throw new Error(`No code: ${JSON.stringify(body)}`);
  return body.otp;
};

/** Has a code sent that moves the account to a number. */
export const changeCode = async (app: TestApp, { token }: By, mobile: string): Promise<string> =>
  codeOf(await app.api.post<OtpSent>('/v1/users/me/mobile', { mobile }, { token }));

export const confirmChange = (
  app: TestApp,
  { token }: By,
  mobile: string,
  otp: string,
): Promise<Answer<User & Problem>> => app.api.post('/v1/users/me/mobile/confirm', { mobile, otp }, { token });

/** Has a code sent that deletes the account. */
export const deletionCode = async (app: TestApp, { token }: By): Promise<string> =>
  codeOf(await app.api.post<OtpSent>('/v1/users/me/deletion', undefined, { token }));

export const deleteAccount = (app: TestApp, { token }: By, otp?: string): Promise<Answer<Problem>> =>
  app.api.delete('/v1/users/me', {
    token,
    ...(otp === undefined ? {} : { headers: { 'one-time-code': otp } }),
  });

export interface DeletionRow {
  step: string;
  attempts: number;
  last_error: string | null;
  next_attempt_at: Date;
}

export async function deletionRow(app: TestApp, userId: string): Promise<DeletionRow | undefined> {
  const { rows } = await app.database.query<DeletionRow>(
    'SELECT * FROM account_deletions WHERE user_id = $1',
    [userId],
  );
  return rows[0];
}

/** How many rows each table has of a person, but for those that have none. */
export async function rowsOf(app: TestApp, userId: string): Promise<Record<string, number>> {
  const { rows: columns } = await app.database.query<{ table: string }>(
    `SELECT table_name AS table FROM information_schema.columns
      WHERE table_schema = 'public' AND column_name = 'user_id'`,
  );
  if (columns.length < 8) throw new Error('This looks at fewer tables than there are');
  const counts: Record<string, number> = {};
  const count = async (table: string, column: string): Promise<void> => {
    const { rows } = await app.database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM "${table}" WHERE ${column} = $1`,
      [userId],
    );
    if (rows[0]?.n) counts[table] = rows[0].n;
  };
  for (const { table } of columns) await count(table, 'user_id');
  await count('users', 'id');
  return counts;
}

export const untilRemoved = (app: TestApp, userId: string): Promise<true> =>
  until(
    'nothing is left of the account',
    async () => Object.keys(await rowsOf(app, userId)).length === 0 && true,
  );

/** Every key in Redis that names one of these, with the seconds until it ends by itself (-1: never). */
export async function keysNaming(app: TestApp, ...names: string[]): Promise<Record<string, number>> {
  const redis = openRedis(app.redis.url);
  try {
    const found: Record<string, number> = {};
    for (const key of await redis.keys('*')) {
      if (!names.some((name) => key.includes(name))) continue;
      const seconds = await redis.ttl(key);
      // Ended since it was listed.
      if (seconds !== -2) found[key] = seconds;
    }
    return found;
  } finally {
    redis.disconnect();
  }
}
