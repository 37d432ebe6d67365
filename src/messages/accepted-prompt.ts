import { Message, UNASKED } from './message.entity.js';

/** Both as they are when they are stored. */
export interface AcceptedPrompt {
  prompt: Message;
  reply: Message;
}

const UNWRITTEN = { ...UNASKED, lastVersion: null, errorCode: null, attempt: 0 } satisfies Partial<Message>;

const messageOf = (fields: Partial<Message>): Message => Object.assign(new Message(), fields);

export const promptAsAccepted = (prompt: Partial<Message>): Message =>
  messageOf({ ...UNWRITTEN, ...prompt, role: 'user', status: 'completed', promptId: null, chargeId: null });

export const replyAsAccepted = (reply: Partial<Message>): Message =>
  messageOf({ ...reply, ...UNWRITTEN, role: 'model', content: '', status: 'pending', finishedAt: null });
