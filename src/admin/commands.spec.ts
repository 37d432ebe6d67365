import { expect, it } from '@jest/globals';
import { UsageError } from './command.js';
import { readRequest } from './commands.js';

const ID = '0193a7f0-0000-7000-8000-000000000000';

it.each(
  [
    ['user', '+14155550001'],
    ['user', '+1 (415) 555-0001', '--json'],
    ['user', ID],
    ['replay-webhooks'],
    ['replay-webhooks', '--failed'],
    ['replay-webhooks', 'evt_1', 'evt_2'],
    ['reconcile', '--json'],
    ['requeue-replies'],
    ['requeue-replies', '--since', '30m'],
    ['requeue-replies', '--failed', '--since', '30d'],
    ['requeue-replies', ID, ID],
    ['prune'],
    ['prune', '--dry-run'],
  ].map((typed) => [typed]),
)('%j is understood', (typed) => {
  expect(readRequest(typed)).toMatchObject({ name: typed[0], json: typed.includes('--json') });
});

it.each([['--help'], ['-h'], ['help'], ['prune', '--help'], ['user', '-h']])(
  '%s %s asks for help',
  (...typed) => {
    expect(readRequest(typed)).toBeNull();
  },
);

it.each(
  [
    [],
    ['users'],
    ['toString'],
    ['user'],
    ['user', '12'],
    ['user', '+14155550001', '+14155550002'],
    ['user', '+14155550001', '--secret'],
    ['replay-webhooks', '--all'],
    ['replay-webhooks', '--failed', 'evt_1'],
    ['replay-webhooks', "evt_1'; DROP TABLE users"],
    ['reconcile', 'now'],
    ['requeue-replies', 'all'],
    ['requeue-replies', '--failed', ID],
    ['requeue-replies', '--since', '1h', ID],
    ['requeue-replies', '--since'],
    ['requeue-replies', '--since', 'yesterday'],
    ['requeue-replies', '--since', '31d'],
    ['requeue-replies', '--since', '0h'],
    ['prune', '--dry'],
    ['prune', 'sessions'],
  ].map((typed) => [typed]),
)('%j is not understood', (typed) => {
  expect(() => readRequest(typed)).toThrow(UsageError);
});
