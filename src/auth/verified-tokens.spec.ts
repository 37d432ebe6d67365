import { afterEach, expect, it, jest } from '@jest/globals';
import { VerifiedTokens } from './verified-tokens.js';

const NOW = Date.UTC(2026, 10, 23, 12);
const inSeconds = (seconds: number): { userId: string; sessionId: string; expiresAt: number } => ({
  userId: 'user',
  sessionId: 'session',
  expiresAt: NOW / 1000 + seconds,
});

afterEach(() => {
  jest.useRealTimers();
});

it('a token is known until the second in which it expires, and not from then on', () => {
  jest.useFakeTimers({ now: NOW });
  const tokens = new VerifiedTokens();
  tokens.remember('token', inSeconds(10));
  expect(tokens.find('token')).toEqual(inSeconds(10));
  expect(tokens.find('Token')).toBeUndefined();
  jest.setSystemTime(NOW + 9999);
  expect(tokens.find('token')).toBeDefined();
  jest.setSystemTime(NOW + 10_000);
  expect(tokens.find('token')).toBeUndefined();
  jest.setSystemTime(NOW);
  expect(tokens.find('token')).toBeUndefined();
});

it('of ever more tokens the latest 10,000 are kept', () => {
  jest.useFakeTimers({ now: NOW });
  const tokens = new VerifiedTokens();
  for (let n = 0; n < 10_001; n += 1) tokens.remember(`token ${n}`, inSeconds(10));
  expect(tokens.find('token 0')).toBeUndefined();
  expect(tokens.find('token 1')).toBeDefined();
  expect(tokens.find('token 10000')).toBeDefined();
});
