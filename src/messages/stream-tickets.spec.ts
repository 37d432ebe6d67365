import { expect, it } from '@jest/globals';
import type { Env } from '../config/env.js';
import { StreamTickets } from './stream-tickets.js';

const USER = '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d';
const MESSAGE = '0199f2c0-0000-7c11-9f0e-3f1f6a1b2c3d';

const SECRET = 'a secret of this test, long enough';

const tickets = (ttlSeconds: number, ...secrets: string[]) =>
  new StreamTickets({
    JWT_SECRET: secrets.length > 0 ? secrets : [SECRET],
    STREAM_TICKET_TTL_SECONDS: ttlSeconds,
  } as unknown as Env);

it('a ticket says whose it is, for its message alone', () => {
  const ticket = tickets(60).issue(USER, MESSAGE);
  expect(tickets(60).verify(ticket, MESSAGE)).toBe(USER);
  expect(tickets(60).verify(ticket, MESSAGE.toUpperCase())).toBe(USER);
  expect(tickets(60).verify(ticket, USER)).toBeNull();
});

it('a ticket ends with its time', () => {
  expect(tickets(60).verify(tickets(-1).issue(USER, MESSAGE), MESSAGE)).toBeNull();
});

it('every changed bit and every other secret makes it worthless', () => {
  const ticket = Buffer.from(tickets(60).issue(USER, MESSAGE), 'base64url');
  for (let bit = 0; bit < ticket.length * 8; bit += 1) {
    const changed = Buffer.from(ticket);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    expect(tickets(60).verify(changed.toString('base64url'), MESSAGE)).toBeNull();
  }
  expect(
    tickets(60, 'another secret of this test, as long').verify(ticket.toString('base64url'), MESSAGE),
  ).toBeNull();
});

it('a ticket outlives a change of the secret, for as long as the old one is listed', () => {
  const ticket = tickets(60).issue(USER, MESSAGE);
  expect(tickets(60, 'the next secret of this test, as long', SECRET).verify(ticket, MESSAGE)).toBe(USER);
  expect(tickets(60, 'the next secret of this test, as long').verify(ticket, MESSAGE)).toBeNull();
});
