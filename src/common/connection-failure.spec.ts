import { expect, it } from '@jest/globals';
import { isConnectionFailure } from './connection-failure.js';

const failing = (message: string, more: object = {}): Error => Object.assign(new Error(message), more);

it.each<[string, unknown]>([
  ['nobody listens', failing('connect ECONNREFUSED 127.0.0.1:5432', { code: 'ECONNREFUSED' })],
  ['the connection broke', failing('read ECONNRESET', { code: 'ECONNRESET' })],
  ['there is no way there', failing('connect EHOSTUNREACH', { code: 'EHOSTUNREACH' })],
  ['the name does not resolve', failing('getaddrinfo EAI_AGAIN db', { code: 'EAI_AGAIN' })],
  ['all addresses of a name refuse', new AggregateError([failing('', { code: 'ECONNREFUSED' })])],
  ['Postgres stops', failing('terminating connection due to administrator command', { code: '57P01' })],
  ['Postgres starts', failing('the database system is starting up', { code: '57P03' })],
  ['Postgres has no connection left', failing('sorry, too many clients already', { code: '53300' })],
  ['Postgres lost the connection', failing('connection failure', { code: '08006' })],
  ['pg lost the connection', failing('Connection terminated unexpectedly')],
  ['pg waited in vain for an answer', failing('Query read timeout')],
  ['the pool waited in vain', failing('timeout exceeded when trying to connect')],
  [
    'TypeORM lost the connection in a transaction',
    failing('Query runner already released. Cannot run queries anymore.'),
  ],
  [
    'TypeORM lost it between two statements',
    failing(
      'Database connection provided by a query runner was already released, cannot continue to use its',
    ),
  ],
  ['ioredis gave up', failing('Reached the max retries per request limit (which is 1).')],
  ['ioredis waited in vain', failing('Command timed out')],
  ['ioredis was closed', failing('Connection is closed.')],
  ['Redis loads', failing('LOADING Redis is loading the dataset in memory', { name: 'ReplyError' })],
  [
    'Redis became a replica',
    failing(`READONLY You can't write against a read only replica.`, { name: 'ReplyError' }),
  ],
  [
    'a node of the cluster is away',
    failing('Too many Cluster redirections. Last error: Error: Connection is closed.'),
  ],
  ['no node of the cluster is known', failing(`Cluster isn't ready and enableOfflineQueue options is false`)],
  [
    'no node of the cluster answers',
    failing('Failed to refresh slots cache.', { name: 'ClusterAllFailedError' }),
  ],
  ['the client of the cluster was closed', failing('Cluster is ended.', { name: 'AbortError' })],
  ['the Redis cluster is down', failing('CLUSTERDOWN The cluster is down', { name: 'ReplyError' })],
])('is one: %s', (_what, thrown) => {
  expect(isConnectionFailure(thrown)).toBe(true);
});

it.each<[string, unknown]>([
  ['a row that exists', failing('duplicate key value violates unique constraint', { code: '23505' })],
  ['a table that does not', failing('relation "users" does not exist', { code: '42P01' })],
  ['a mistake in a script', failing('ERR Error running script', { name: 'ReplyError' })],
  ['a wrong password', failing('WRONGPASS invalid username-password pair', { name: 'ReplyError' })],
  ['somebody writing LOADING', failing('LOADING is not a title')],
  ['a mistake of ours', new TypeError(`Cannot read properties of null (reading 'id')`)],
  ['several other errors', new AggregateError([new Error('one'), new Error('two')])],
  ['text', 'ECONNREFUSED'],
  ['nothing', undefined],
  ['null', null],
])('is none: %s', (_what, thrown) => {
  expect(isConnectionFailure(thrown)).toBe(false);
});
