import { Writable } from 'node:stream';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger, PinoLoggerService, withoutRedaction } from './logger.js';
import { inContext, keepContext } from './request-context.js';

let lines: Record<string, unknown>[];
beforeEach(() => {
  lines = [];
  keepContext();
});

const to = new Writable({
  write(chunk: Buffer, _encoding, done) {
    lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
    done();
  },
});
const pino = createLogger('trace', to);
const logger = new PinoLoggerService(pino);

describe('a line', () => {
  it('is one JSON object with time, level, words and where they come from', () => {
    logger.log('The worker is ready', 'Main');
    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        context: 'Main',
        msg: 'The worker is ready',
      },
    ]);
  });

  it('carries the fields it is given', () => {
    logger.warn({ replyId: 'r1', attempt: 2 }, 'Tried again', 'Replies');
    expect(lines[0]).toMatchObject({
      level: 'warn',
      replyId: 'r1',
      attempt: 2,
      msg: 'Tried again',
      context: 'Replies',
    });
  });

  it('of a request has what our serializers take from it and nothing else', () => {
    const headers = { authorization: 'Bearer secret' };
    const req = {
      method: 'GET',
      url: '/v1/a?ticket=secret',
      ip: '::1',
      headers,
      body: { password: 'secret' },
    };
    withoutRedaction(pino).info({ req, res: { statusCode: 200, headers }, ms: 2 }, 'request');
    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.any(String),
        req: { method: 'GET', path: '/v1/a', ip: '::1' },
        res: { status: 200 },
        ms: 2,
        msg: 'request',
      },
    ]);
  });

  it('carries the id of the request it belongs to, where contexts are kept', () => {
    inContext({ requestId: 'q1' }, () => {
      logger.log('inside', 'Main');
    });
    logger.log('outside', 'Main');
    expect(lines.map(({ requestId }) => requestId)).toEqual(['q1', undefined]);
  });

  it.each([
    ['log', 'info'],
    ['error', 'error'],
    ['warn', 'warn'],
    ['debug', 'debug'],
    ['verbose', 'trace'],
    ['fatal', 'fatal'],
  ] as const)('of Nest at %s is one at %s', (method, level) => {
    logger[method]('words', 'Context');
    expect(lines[0]).toMatchObject({ level, msg: 'words', context: 'Context' });
  });

  it('about each module as Nest starts is for debugging', () => {
    logger.log('AuthModule dependencies initialized', 'InstanceLoader');
    expect(lines[0]).toMatchObject({ level: 'debug' });
  });
});

describe('an error', () => {
  it('is logged with its stack, its code and its causes, and with nothing else that hangs on it', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const error = Object.assign(new Error('The query failed', { cause }), {
      query: 'INSERT INTO messages',
      parameters: ['a private word'],
      driverError: { detail: 'Key (content)=(a private word)' },
    });
    logger.error({ err: error }, 'Something went wrong', 'Problem');
    expect(lines[0]).toMatchObject({
      msg: 'Something went wrong',
      err: {
        type: 'Error',
        message: 'The query failed',
        stack: expect.stringContaining('logger.spec'),
        cause: { type: 'Error', code: 'ECONNREFUSED' },
      },
    });
    expect(JSON.stringify(lines)).not.toContain('a private word');
  });

  it.each([['text'], [5], [null], [{ reason: 'an object' }]])(
    'that is none is logged as it is: %j',
    (thrown) => {
      logger.error({ err: thrown }, 'words', 'Problem');
      expect(lines[0]).toMatchObject({ err: thrown });
    },
  );

  it('that causes itself does no harm', () => {
    const error = new Error('round');
    error.cause = error;
    logger.error({ err: error }, 'words', 'Problem');
    expect(lines[0]).toMatchObject({ msg: 'words', err: { message: 'round' } });
  });

  it('alone says its own words', () => {
    logger.error(new Error('alone'), 'Problem');
    expect(lines[0]).toMatchObject({ msg: 'alone', context: 'Problem', err: { message: 'alone' } });
  });
});

describe('what never reaches the log', () => {
  it.each([
    'authorization',
    'cookie',
    'password',
    'newPassword',
    'currentPassword',
    'otp',
    'accessToken',
    'apiKey',
    'secret',
  ])('%s, wherever it stands', (name) => {
    const value = 'a private word';
    logger.log(
      { [name]: value, a: { [name]: value, b: { [name]: value, c: { [name]: value } } } },
      'words',
      'Main',
    );
    expect(JSON.stringify(lines)).not.toContain(value);
    expect(lines[0]).toMatchObject({ [name]: '[redacted]', msg: 'words' });
  });

  it('the query, headers and body of a request', () => {
    pino.info({
      req: { method: 'GET', url: '/a?ticket=private', ip: '::1', headers: { x: 'private' }, body: 'private' },
    });
    expect(lines[0]).toMatchObject({ req: { method: 'GET', path: '/a', ip: '::1' } });
    expect(JSON.stringify(lines)).not.toContain('private');
  });
});

it('a line says nothing of an earlier one of the same request', () => {
  inContext({ requestId: 'r1' }, () => {
    logger.error({ err: new Error('first'), code: 'A' }, 'First', 'Here');
    logger.log('Second, innocent');
  });
  expect(lines[1]).toEqual({
    level: 'info',
    time: expect.any(String),
    requestId: 'r1',
    msg: 'Second, innocent',
  });
});
