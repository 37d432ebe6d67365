import { expect } from '@jest/globals';
import type { TestApp } from './test-app.js';

export interface User {
  id: string;
  mobile: string;
  displayName: string | null;
  tier: 'basic' | 'pro';
  hasPassword: boolean;
}

export interface SignedIn extends User {
  token: string;
}

export interface Room {
  id: string;
  title: string | null;
  systemInstruction: string | null;
  model: string | null;
  pinned: boolean;
  archived: boolean;
  lastActivityAt: string;
}

export interface Message {
  id: string;
  chatroomId: string;
  role: 'user' | 'model';
  content: string;
  status: 'pending' | 'streaming' | 'completed' | 'failed' | 'cancelled' | 'blocked';
  promptId: string | null;
  version: number;
  lastVersion: number | null;
  versionOf: string | null;
  error?: { code: string; message: string };
  finishReason: string | null;
  model: string | null;
  promptTokens: number | null;
  outputTokens: number | null;
  turnsLeftOut: number | null;
  firstTokenMs: number | null;
  totalMs: number | null;
  createdAt: string;
  finishedAt: string | null;
}

export interface Accepted {
  prompt: Message;
  reply: Message;
  links: { reply: string; wait: string; messages: string };
}

let lastNumber = 0;

/** A number that no other user of this spec has. */
export function aMobile(): string {
  lastNumber += 1;
  return `+1415555${String(lastNumber).padStart(4, '0')}`;
}

/** Signs up over the API. `tier: 'pro'` is written into the database; the billing specs pay for it. */
export async function aUser(
  app: TestApp,
  { mobile = aMobile(), tier = 'basic' }: { mobile?: string; tier?: 'basic' | 'pro' } = {},
): Promise<SignedIn> {
  const sent = await app.api.post<{ otp: string }>('/v1/auth/send-otp', { mobile });
  const { status, body } = await app.api.post<{ accessToken: string; user: User }>('/v1/auth/verify-otp', {
    mobile,
    otp: sent.body.otp,
  });
  expect(status).toBe(200);
  if (tier === 'pro') await app.database.query(`UPDATE users SET tier = 'pro' WHERE id = $1`, [body.user.id]);
  return { ...body.user, tier, token: body.accessToken };
}

export async function aRoom(
  app: TestApp,
  user: SignedIn,
  fields: object = { title: 'A room' },
): Promise<Room> {
  const { status, body } = await app.api.post<Room>('/v1/chatrooms', fields, { token: user.token });
  expect(status).toBe(201);
  return body;
}

/** Sends a prompt that must be accepted. */
export async function aPrompt(
  app: TestApp,
  user: SignedIn,
  room: Pick<Room, 'id'>,
  content = 'Hello',
): Promise<Accepted> {
  const { status, body } = await app.api.post<Accepted>(
    `/v1/chatrooms/${room.id}/messages`,
    { content },
    { token: user.token },
  );
  expect({ status, body }).toMatchObject({ status: 202 });
  return body;
}

/** The final state of a reply, waited for as a client does. */
export async function theReply(app: TestApp, user: SignedIn, { links }: Accepted): Promise<Message> {
  const { body } = await app.api.get<Message>(links.wait, { token: user.token });
  expect(['completed', 'failed', 'blocked', 'cancelled']).toContain(body.status);
  return body;
}
