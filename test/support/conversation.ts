import { expect } from '@jest/globals';
import type { Answer, Problem } from './api.js';
import {
  type Accepted,
  aPrompt,
  aRoom,
  aUser,
  type Message,
  type Room,
  type SignedIn,
  theReply,
} from './factories.js';
import type { TestApp } from './test-app.js';

export interface Turn {
  prompt: string;
  reply: string;
}

/** A person's room with three answered turns in it, or as many as are asked for, and what can be done with them. */
export class Conversation {
  readonly turns: Turn[] = [];

  private constructor(
    private readonly app: TestApp,
    readonly user: SignedIn,
    readonly room: Room,
  ) {}

  static async begin(
    app: TestApp,
    tier: 'basic' | 'pro' = 'pro',
    prompts: readonly string[] = ['one', 'two', 'three'],
  ): Promise<Conversation> {
    const user = await aUser(app, { tier });
    const conversation = new Conversation(app, user, await aRoom(app, user));
    for (const prompt of prompts) conversation.turns.push(await conversation.turn(prompt));
    return conversation;
  }

  at(index: number): Turn {
    const turn = this.turns[index];
    if (turn === undefined) throw new Error(`There is no turn ${index}`);
    return turn;
  }

  /** One more turn, answered. */
  async turn(content: string): Promise<Turn> {
    const accepted = await aPrompt(this.app, this.user, this.room, content);
    expect(await this.reply(accepted)).toMatchObject({ status: 'completed' });
    return { prompt: accepted.prompt.id, reply: accepted.reply.id };
  }

  reply(accepted: Accepted): Promise<Message> {
    return theReply(this.app, this.user, accepted);
  }

  path(rest = ''): string {
    return `/v1/chatrooms/${this.room.id}/messages${rest}`;
  }

  regenerate(id: string, key?: string): Promise<Answer<Accepted & Problem>> {
    return this.app.api.post(this.path(`/${id}/regenerate`), undefined, this.options(key));
  }

  edit(id: string, content: string, key?: string): Promise<Answer<Accepted & Problem>> {
    return this.app.api.put(this.path(`/${id}`), { content }, this.options(key));
  }

  /** The ids of a list, oldest first, over all its pages. */
  async ids(rest = '', limit = 2): Promise<string[]> {
    const path = `${this.path(rest)}${rest.includes('?') ? '&' : '?'}limit=${limit}`;
    const ids: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Answer<{ data: Message[]; nextCursor: string | null }> = await this.app.api.get(
        cursor === '' ? path : `${path}&cursor=${cursor}`,
        this.user,
      );
      expect(page.status).toBe(200);
      ids.push(...page.body.data.map(({ id }) => id));
      cursor = page.body.nextCursor;
    }
    return ids.reverse();
  }

  async used(): Promise<number> {
    return (await this.app.api.get<{ used: number }>('/v1/users/me/usage', this.user)).body.used;
  }

  private options(key: string | undefined): { token: string; headers: Record<string, string> } {
    return { token: this.user.token, headers: key === undefined ? {} : { 'idempotency-key': key } };
  }
}

/** What the model was asked last with this as the newest prompt: the texts, oldest first. */
export const contentsFor = (app: TestApp, prompt: string): string[] =>
  app.gemini.requests
    .map(({ body }) => (body.contents ?? []).map(({ parts }) => parts.map(({ text }) => text).join('')))
    .findLast((texts) => texts.at(-1) === prompt) ?? [];

/** Ids in the order of the conversation. */
export const flat = (turns: readonly Turn[]): string[] =>
  turns.flatMap(({ prompt, reply }) => [prompt, reply]);
