import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newIdAt } from '../src/common/id.js';
import { RETENTION_RULES } from '../src/retention/retention-rules.js';
import { admin, adminJson } from './support/admin.js';
import { AppProcess } from './support/app-process.js';
import { aPrompt, aRoom, aUser, type SignedIn } from './support/factories.js';
import { startTestApp, type TestApp } from './support/test-app.js';
import { until } from './support/until.js';

const DAY_S = 86_400;
/** How far inside and outside of its time a row is put, s. */
const MARGIN_S = 60;

interface Report {
  dryRun: boolean;
  pruned: { rule: string; rows: number; failed?: true }[];
}

let app: TestApp;
let user: SignedIn;
beforeAll(async () => {
  // Nothing is pruned here by itself.
  app = await startTestApp({ PROCESS_ROLE: 'api' });
  user = await aUser(app, { tier: 'pro' });
});
afterAll(() => app.stop());

const insert = {
  session: (ageS: number, id: string = randomUUID()) =>
    app.database.query(
      `INSERT INTO sessions (user_id, id, family_hash, token_hash, ip, expires_at)
       VALUES ($1, $2, '', '', '::1', now() - make_interval(secs => $3))`,
      [user.id, id, ageS],
    ),
  key: (ageS: number, id: string = randomUUID()) =>
    app.database.query(
      `INSERT INTO idempotency_keys (user_id, key, request_hash, outcome, created_at)
       VALUES ($1, $2, '', '{}', now() - make_interval(secs => $3))`,
      [user.id, id, ageS],
    ),
  authEvent: (ageS: number, id: string = randomUUID()) =>
    app.database.query(
      `INSERT INTO auth_events (user_id, id, kind, outcome, ip, created_at)
       VALUES ($1, $2, 'signed_in', 'succeeded', '::1', now() - make_interval(secs => $3))`,
      [user.id, id, ageS],
    ),
  charge: (ageS: number, id: string = newIdAt(Date.now() - ageS * 1000)) =>
    app.database.query('INSERT INTO prompt_charges (user_id, id) VALUES ($1, $2)', [user.id, id]),
  stripeEvent: (ageS: number, status: string, id: string = randomUUID()) =>
    app.database.query(
      `INSERT INTO stripe_events (id, type, status, received_at)
       VALUES ($1, 'invoice.paid', $2, now() - make_interval(secs => $3))`,
      [`evt_${id}`, status, ageS],
    ),
};

/** A row of each kind, that many seconds beyond its time by the default settings. */
async function oneOfEach(beyondS: number): Promise<void> {
  await insert.session(beyondS);
  await insert.key(DAY_S + beyondS);
  await insert.authEvent(180 * DAY_S + beyondS);
  await insert.charge(90 * DAY_S + beyondS);
  await insert.stripeEvent(30 * DAY_S + beyondS, 'processed');
  await insert.stripeEvent(30 * DAY_S + beyondS, 'ignored');
  await insert.stripeEvent(180 * DAY_S + beyondS, 'failed');
}

const counts = async (): Promise<Record<string, number>> => {
  const { rows } = await app.database.query<{ name: string; rows: number }>(
    `SELECT 'sessions' AS name, count(*)::int AS rows FROM sessions WHERE family_hash = ''
     UNION ALL SELECT 'idempotency_keys', count(*)::int FROM idempotency_keys
     UNION ALL SELECT 'auth_events', count(*)::int FROM auth_events WHERE ip = '::1'
     UNION ALL SELECT 'prompt_charges', count(*)::int FROM prompt_charges
     UNION ALL SELECT 'stripe_events ' || status, count(*)::int FROM stripe_events GROUP BY status`,
  );
  return Object.fromEntries(rows.map((row) => [row.name, row.rows]));
};

const pruned = async (args: string[] = [], settings = {}): Promise<Record<string, number>> => {
  const report = await adminJson<Report>(app, ['prune', ...args], settings);
  return Object.fromEntries(report.pruned.map(({ rule, rows }) => [rule, rows]));
};

const NONE = Object.fromEntries(RETENTION_RULES.map(({ name }) => [name, 0]));

beforeEach(async () => {
  await app.database.query(`
    DELETE FROM sessions WHERE family_hash = ''; DELETE FROM auth_events WHERE ip = '::1';
    TRUNCATE idempotency_keys, prompt_charges, stripe_events`);
});

it('what is past its time goes, and what is not, or is still to be acted on, stays', async () => {
  await oneOfEach(MARGIN_S);
  await oneOfEach(-MARGIN_S);
  await insert.stripeEvent(3650 * DAY_S, 'pending');
  const outside = {
    ...{ sessions: 1, idempotency_keys: 1, auth_events: 1, prompt_charges: 1 },
    ...{ stripe_events: 2, 'stripe_events, failed': 1 },
  };
  expect(await pruned(['--dry-run'])).toEqual(outside);
  const { stdout } = await admin(app, ['prune']);
  expect(stdout).toMatch(/^rows +deleted from\n1 +sessions\n(.+\n)+1 +stripe_events, failed\n$/);
  expect(await counts()).toEqual({
    ...{ sessions: 1, idempotency_keys: 1, auth_events: 1, prompt_charges: 1 },
    ...{ 'stripe_events processed': 1, 'stripe_events ignored': 1 },
    ...{ 'stripe_events failed': 1, 'stripe_events pending': 1 },
  });
  expect(await pruned()).toEqual(NONE);
});

it('each time is a setting; the shortest for charges leaves the day that is going on', async () => {
  await oneOfEach(-MARGIN_S);
  await insert.charge(DAY_S);
  const times = {
    AUTH_EVENT_RETENTION_DAYS: '179',
    PROMPT_CHARGE_RETENTION_DAYS: '2',
    STRIPE_EVENT_RETENTION_DAYS: '29',
    STRIPE_FAILED_EVENT_RETENTION_DAYS: '179',
    IDEMPOTENCY_TTL_SECONDS: String(DAY_S - 2 * MARGIN_S),
  };
  expect(await pruned([], times)).toEqual({
    ...{ sessions: 0, idempotency_keys: 1, auth_events: 1, prompt_charges: 1 },
    ...{ stripe_events: 2, 'stripe_events, failed': 1 },
  });
  expect(await counts()).toMatchObject({ prompt_charges: 1 });
});

it('workers do it by themselves', async () => {
  const worker = await AppProcess.start({ ...app.env, PROCESS_ROLE: 'worker' });
  try {
    await oneOfEach(MARGIN_S);
    await oneOfEach(-MARGIN_S);
    await until('all that are past their time are gone', async () => {
      return Object.values(await counts()).every((rows) => rows === 1);
    });
  } finally {
    await worker.kill();
  }
});

describe('with 50,000 rows that are past their time', () => {
  const ROWS = 50_000;

  beforeEach(async () => {
    // One statement a batch notes how many rows it took.
    await app.database.query(`
      CREATE TABLE IF NOT EXISTS noted_batches (rows int);
      TRUNCATE noted_batches;
      CREATE OR REPLACE FUNCTION note_batch() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO noted_batches SELECT count(*) FROM gone; RETURN NULL; END $$;
      CREATE OR REPLACE TRIGGER note_batch AFTER DELETE ON prompt_charges
        REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note_batch()`);
    const old = newIdAt(Date.now() - 91 * DAY_S * 1000).slice(0, 13);
    await app.database.query(
      `INSERT INTO prompt_charges (user_id, id)
       SELECT $1, ($2 || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid FROM generate_series(1, $3::int) n`,
      [user.id, old, ROWS],
    );
    await app.database.query('ANALYZE prompt_charges');
  });

  const batches = async (): Promise<number[]> => {
    const { rows } = await app.database.query<{ rows: number }>(
      'SELECT rows FROM noted_batches WHERE rows > 0',
    );
    return rows.map((row) => row.rows);
  };

  it('deletes them in small statements, while their person goes on', async () => {
    const room = await aRoom(app, user);
    const command = pruned();
    const done = command.then(() => true);
    let accepted = 0;
    while (!(await Promise.race([done, Promise.resolve(false)]))) {
      await aPrompt(app, user, room);
      accepted += 1;
    }
    expect(await command).toMatchObject({ prompt_charges: ROWS });
    expect(Math.max(...(await batches()))).toBe(1000);
    expect(accepted).toBeGreaterThan(1);
    // Theirs, of now.
    expect(await counts()).toMatchObject({ prompt_charges: accepted });
  });

  it('two at once share them, and neither waits for a row that somebody holds', async () => {
    const holder = await app.database.connect();
    try {
      await holder.query('BEGIN');
      const { rowCount } = await holder.query(
        'SELECT FROM prompt_charges WHERE user_id = $1 ORDER BY id LIMIT 10 FOR UPDATE',
        [user.id],
      );
      expect(rowCount).toBe(10);
      const [one, other] = await Promise.all([pruned(), pruned()]);
      expect((one.prompt_charges ?? 0) + (other.prompt_charges ?? 0)).toBe(ROWS - 10);
    } finally {
      await holder.query('ROLLBACK');
      holder.release();
    }
    expect(await pruned()).toMatchObject({ prompt_charges: 10 });
  });
});

it('an index finds them, among many that are not past their time', async () => {
  await app.database.query(`
    INSERT INTO sessions (user_id, id, family_hash, token_hash, ip, expires_at)
      SELECT '${user.id}', gen_random_uuid(), '', '', '::1', now() + interval '1 day' FROM generate_series(1, 20000);
    INSERT INTO idempotency_keys (user_id, key, request_hash, outcome)
      SELECT '${user.id}', n::text, '', '{}' FROM generate_series(1, 20000) n;
    INSERT INTO auth_events (user_id, id, kind, outcome, ip)
      SELECT '${user.id}', gen_random_uuid(), 'signed_in', 'succeeded', '::1' FROM generate_series(1, 20000);
    INSERT INTO prompt_charges (user_id, id)
      SELECT '${user.id}', gen_random_uuid() FROM generate_series(1, 20000);
    INSERT INTO stripe_events (id, type, status)
      SELECT 'evt_' || n, 'invoice.paid', (ARRAY['processed', 'failed'])[1 + n % 2] FROM generate_series(1, 20000) n;
    ANALYZE sessions, idempotency_keys, auth_events, prompt_charges, stripe_events`);
  for (const { table, key, age, where = 'true' } of RETENTION_RULES) {
    const before = age === 'id' ? newIdAt(0) : '2020-01-01';
    const { rows } = await app.database.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT ${key.join(', ')} FROM ${table} WHERE ${where} AND ${age} < '${before}'
        ORDER BY ${age} LIMIT 1000 FOR UPDATE SKIP LOCKED`,
    );
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toMatch(/Index Scan using/);
    expect(plan).not.toMatch(/Seq Scan|Sort/);
  }
});
