import { isUUID } from 'class-validator';
import { toE164 } from '../auth/mobile.js';
import { columns } from './columns.js';
import { type Command, UsageError } from './command.js';
import type { Person } from './person-report.js';

/** Who is meant. */
type Whom = { id: string } | { mobile: string };

/** One person, as far as operators need to know. */
export const USER: Command<Whom> = {
  usage: [
    ['user <mobile or id>', 'tier, subscription, today’s prompts, sessions, replies that are owed or failed'],
  ],
  options: {},
  read({ positionals: [who, ...more] }) {
    if (who === undefined || more.length > 0)
      throw new UsageError('Name one person, by mobile number or id.');
    if (isUUID(who)) return { id: who.toLowerCase() };
    const mobile = toE164(who);
    if (mobile === undefined)
      throw new UsageError('That is neither a mobile number (+14155552671) nor an id.');
    return { mobile };
  },
  async run(app, whom) {
    const { PersonReport } = await import('./person-report.js');
    const person = await app.get(PersonReport).find(whom);
    return person === null
      ? { data: { found: false }, text: 'Nobody has an account with that.', logged: {}, ok: false }
      : { data: person, text: textOf(person), logged: { userId: person.id }, ok: true };
  },
};

function textOf({ subscription, usage, owed, failed, ...person }: Person): string {
  const facts = columns([
    ['id', person.id],
    ['mobile', person.mobile],
    ['since', time(person.createdAt)],
    ['tier', person.tierUntil === null ? person.tier : `${person.tier} until ${time(person.tierUntil)}`],
    ['subscription', subscription === null ? 'none' : describe(subscription)],
    ['today', `${usage.used} prompts${usage.limit === null ? '' : ` of ${usage.limit}`}`],
    ['sessions', String(person.sessions)],
    ['owed replies', String(owed.length)],
    ['failed replies', `${failed.length} in the last seven days`],
  ]);
  const replies = columns([
    ...owed.map(({ id, status, attempt, createdAt }) => [
      ...[id, status, `${attempt} attempts`, `since ${time(createdAt)}`],
    ]),
    ...failed.map(({ id, errorCode, finishedAt }) => [
      ...[id, 'failed', errorCode ?? '', finishedAt === null ? '' : `at ${time(finishedAt)}`],
    ]),
  ]);
  return replies === '' ? facts : `${facts}\n\n${replies}`;
}

function describe(subscription: NonNullable<Person['subscription']>): string {
  const { customerId, status, currentPeriodEnd, cancelAtPeriodEnd } = subscription;
  if (status === null) return `none yet (${customerId})`;
  const end =
    currentPeriodEnd === null
      ? ''
      : `, ${cancelAtPeriodEnd ? 'ends' : 'period ends'} ${time(currentPeriodEnd)}`;
  return `${status}${end} (${customerId})`;
}

const time = (moment: Date): string => moment.toISOString();
