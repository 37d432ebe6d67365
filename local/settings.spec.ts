import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { expect, it } from '@jest/globals';
import { settingsFrom } from './settings.js';

it('a copy of .env.example changes nothing', () => {
  const untouched = settingsFrom({});
  expect(Object.values(untouched.embedded)).not.toContain(false);
  expect(settingsFrom(parseEnv(readFileSync('.env.example', 'utf8')))).toEqual(untouched);
});

it('a real Stripe needs all of its settings, and the message names the missing ones', () => {
  expect(() => settingsFrom({ STRIPE_SECRET_KEY: 'sk_test_1' })).toThrow(
    /STRIPE_PRO_PRICE_ID and STRIPE_WEBHOOK_SECRET/,
  );
});
