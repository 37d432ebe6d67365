import { expect, it } from '@jest/globals';
import { findFreePort } from '../../local/services/ports.js';
import { Env } from '../config/env.js';
import { NotSentError, type OtpMessage } from './otp-sender.js';
import { WebhookSender } from './webhook-sender.js';

const MESSAGE: OtpMessage = {
  id: 'an-id',
  purpose: 'sign-in',
  to: '+14155552671',
  code: '123456',
  text: '123456 is your code',
  expiresAt: new Date(),
};

const thrownFor = async (url: string): Promise<Error> => {
  const env = Object.assign(new Env(), { OTP_WEBHOOK_URL: url, OTP_WEBHOOK_SECRET: 'a'.repeat(32) });
  return new WebhookSender(env).send(MESSAGE).then(
    () => {
      throw new Error('It was sent');
    },
    (error: unknown) => error as Error,
  );
};

// fetch quotes such URLs in what it throws.
it.each([
  'http://user:hidden-word@127.0.0.1:1/',
  'http://hidden-word:99999999/',
  'http://127.0.0.1:1/hidden-word',
])('what cannot be asked is said without its URL: %s', async (url) => {
  const error = await thrownFor(url);
  expect(error.message).toMatch(/^The gateway could not be asked: \w+$/);
  expect([error.message, error.stack, error.cause].join()).not.toContain('hidden-word');
});

it('a refused connection has sent nothing', async () => {
  expect(await thrownFor(`http://127.0.0.1:${await findFreePort()}/`)).toBeInstanceOf(NotSentError);
});
