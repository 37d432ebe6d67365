import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { aMobile, aUser } from './support/factories.js';
import { login } from './support/sign-in.js';
import { startTestApp, type TestApp } from './support/test-app.js';

/** Of each kind of number. */
const SAMPLES = 200;
/** What this many samples of one distribution stay within, 0.5 ± 0.116, but once in 16,000 times. */
const STANDARD_DEVIATIONS = 4;
const BOUND = STANDARD_DEVIATIONS * Math.sqrt((2 * SAMPLES + 1) / (12 * SAMPLES * SAMPLES));
const PASSWORD = 'a passphrase of mine';

type Kind = 'unknown' | 'with a password' | 'without a password' | 'with an older hash';

let app: TestApp;
const numbers: Record<Kind, string[]> = {
  unknown: [],
  'with a password': [],
  'without a password': [],
  'with an older hash': [],
};

beforeAll(async () => {
  // Cheaper than the defaults, which makes it quick, and differences beside the hashing easier to see.
  app = await startTestApp({ PASSWORD_HASH_MEMORY_KIB: '4096' });
  const older = await aHash();
  await app.process.kill();
  await app.restart({ PASSWORD_HASH_MEMORY_KIB: '8192' });
  const hashes: [Kind, string | null][] = [
    ['with a password', await aHash()],
    ['without a password', null],
    ['with an older hash', older],
  ];
  numbers.unknown = Array.from({ length: SAMPLES }, aMobile);
  for (const [kind, hash] of hashes) {
    numbers[kind] = Array.from({ length: SAMPLES }, aMobile);
    await app.database.query(
      `INSERT INTO users (id, mobile, password_hash) SELECT gen_random_uuid(), unnest($1::text[]), $2`,
      [numbers[kind], hash],
    );
  }
}, 120_000);
afterAll(() => app.stop());

/** A hash of PASSWORD with the parameters of the process that runs. */
async function aHash(): Promise<string> {
  const { id, token } = await aUser(app);
  await app.api.post('/v1/auth/change-password', { newPassword: PASSWORD }, { token });
  const { rows } = await app.database.query<{ password_hash: string }>(
    'SELECT password_hash FROM users WHERE id = $1',
    [id],
  );
  return rows[0]?.password_hash ?? '';
}

const shuffled = <T>(items: T[]): T[] =>
  items
    .map((item) => [Math.random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);

/** One request for each number of these kinds, one after the other, in random order; the ms that each took. */
async function timed(
  kinds: Kind[],
  send: (mobile: string) => Promise<{ status: number; body: unknown }>,
): Promise<Record<Kind, number[]>> {
  const times: Record<Kind, number[]> = {
    unknown: [],
    'with a password': [],
    'without a password': [],
    'with an older hash': [],
  };
  const answers = new Set<string>();
  for (const { kind, mobile } of shuffled(
    kinds.flatMap((kind) => numbers[kind].map((mobile) => ({ kind, mobile }))),
  )) {
    const began = performance.now();
    const { status, body } = await send(mobile);
    times[kind].push(performance.now() - began);
    const { code } = body as { code?: string };
    answers.add(`${status} ${code ?? ''} ${Object.keys(body as object).join()}`);
  }
  expect([...answers]).toHaveLength(1);
  return times;
}

/** Mann-Whitney: how likely one of `a` took longer than one of `b`. 0.5 tells nothing, 0 and 1 tell everything. */
function auc(a: number[], b: number[]): number {
  let longer = 0;
  for (const x of a) for (const y of b) longer += x > y ? 1 : x === y ? 0.5 : 0;
  return longer / (a.length * b.length);
}

function expectAlike(what: string, times: Record<Kind, number[]>, kinds: Kind[]): void {
  const found = kinds.map((kind) => ({ kind, auc: auc(times[kind], times.unknown) }));
  for (const { kind, auc: value } of found) {
    process.stdout.write(
      `${what}, ${kind} or unknown: AUC ${value.toFixed(3)} (0.5 ± ${BOUND.toFixed(3)}), ` +
        `medians ${median(times[kind])} and ${median(times.unknown)} ms\n`,
    );
  }
  for (const { auc: value } of found) expect(Math.abs(value - 0.5)).toBeLessThan(BOUND);
}

const median = (times: number[]): string =>
  (times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? NaN).toFixed(2);

const ALIKE = `cannot be told by the time it takes: AUC of ${SAMPLES} against ${SAMPLES} within 0.5 ± ${BOUND.toFixed(3)}`;

it(`whether a number has an account, a password, an older hash ${ALIKE}: login`, async () => {
  const known: Kind[] = ['with a password', 'without a password', 'with an older hash'];
  // Once, so that the process has seen that there are hashes of both kinds.
  for (const kind of known) await login(app, numbers[kind][0] ?? '', 'not the passphrase');
  const times = await timed(['unknown', ...known], (mobile) => login(app, mobile, 'not the passphrase'));
  expectAlike('login', times, known);
});

it.each(['send-otp', 'forgot-password'])(`whether a number has an account ${ALIKE}: %s`, async (route) => {
  const times = await timed(['unknown', 'with a password'], (mobile) =>
    app.api.post(`/v1/auth/${route}`, { mobile }),
  );
  expectAlike(route, times, ['with a password']);
});

// After those above: each of these numbers has a code of each kind, and is guessed at once.
it.each([
  ['verify-otp', {}],
  ['reset-password', { newPassword: 'my next passphrase' }],
])(`whether a number has an account ${ALIKE}: a wrong code at %s`, async (route, fields) => {
  const times = await timed(['unknown', 'with a password'], (mobile) =>
    app.api.post(`/v1/auth/${route}`, { mobile, otp: '000000', ...fields }),
  );
  expectAlike(route, times, ['with a password']);
});
