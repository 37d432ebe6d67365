import { ApiProperty } from '@nestjs/swagger';
import type { Page } from '../../common/pagination.js';
import { type Message, MESSAGE_STATUSES, type MessageRole, type MessageStatus } from '../message.entity.js';
import { REPLY_ERRORS, type ReplyErrorCode } from '../reply-error.js';

export class ReplyErrorResponse {
  /**
   * Stable: branch on this one.
   * @example 'MODEL_UNAVAILABLE'
   */
  code!: string;

  /** @example 'The model could not be reached. Send the prompt again.' */
  message!: string;
}

export class MessageResponse {
  /**
   * UUIDv7; a conversation is ordered by it.
   * @example '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d'
   */
  id!: string;

  /** @example '0199f2c0-0000-7c11-9f0e-3f1f6a1b2c3d' */
  chatroomId!: string;

  /** `user`: a prompt. `model`: the reply to one. */
  role!: MessageRole;

  /** The text; empty while a reply is pending. */
  content!: string;

  /**
   * Prompts are `completed`. Replies go from `pending` over `streaming` to one of `completed`, `failed`, `blocked`,
   * `cancelled`, and stay there.
   */
  @ApiProperty({ enum: MESSAGE_STATUSES })
  status!: MessageStatus;

  /** Replies: the prompt that this answers. */
  promptId!: string | null;

  /**
   * The version of the room's conversation that this was written in.
   * @example 1
   */
  @ApiProperty({ type: 'integer' })
  version!: number;

  /** The last version that this belongs to; null while it is part of the conversation. */
  @ApiProperty({ type: 'integer', nullable: true })
  lastVersion!: number | null;

  /** The first version of this message, when it is a later one: an edited prompt, a regenerated reply. */
  versionOf!: string | null;

  /** Only on a reply that failed or was blocked; such a reply is not charged. */
  error?: ReplyErrorResponse;

  /**
   * Replies: why the model stopped, in its own words (STOP, MAX_TOKENS, SAFETY, …).
   * @example 'STOP'
   */
  finishReason!: string | null;

  /**
   * Replies: the model that answered; where none did, the one that was asked.
   * @example 'gemini-3.8-flash'
   */
  model!: string | null;

  /** Replies: tokens read, as Gemini counted them; also of a reply that it then blocked. */
  promptTokens!: number | null;

  /** Replies: tokens written. */
  outputTokens!: number | null;

  /**
   * Replies that were tried: how many of the answered turns before the prompt, the oldest ones, were not sent to the
   * model, because the context has a token budget and at most 200 turns. 0: it was sent the whole conversation.
   * Conversations are counted up to 10,000 turns.
   * @example 0
   */
  turnsLeftOut!: number | null;

  /**
   * Replies that were answered: milliseconds from the call of the model to its first text. Waiting in the queue and
   * tries that failed are not in it.
   * @example 420
   */
  firstTokenMs!: number | null;

  /**
   * Replies that were answered: milliseconds from the call of the model to the end of its answer.
   * @example 2310
   */
  totalMs!: number | null;

  createdAt!: Date;

  /** When the message got its final status. */
  finishedAt!: Date | null;

  static from(message: Message): MessageResponse {
    return {
      id: message.id,
      chatroomId: message.chatroomId,
      role: message.role,
      content: message.content,
      status: message.status,
      promptId: message.promptId,
      version: message.version,
      lastVersion: message.lastVersion,
      versionOf: message.versionOf,
      ...(message.errorCode === null ? {} : { error: errorOf(message.errorCode) }),
      finishReason: message.finishReason,
      model: message.model,
      promptTokens: message.promptTokens,
      outputTokens: message.outputTokens,
      turnsLeftOut: message.turnsLeftOut,
      firstTokenMs: message.firstTokenMs,
      totalMs: message.totalMs,
      createdAt: message.createdAt,
      finishedAt: message.finishedAt,
    };
  }
}

export class MessagePageResponse {
  data!: MessageResponse[];

  /** Pass it as `cursor` for the next page, which is older; null on the last one. */
  nextCursor!: string | null;

  static from(page: Page<Message>): MessagePageResponse {
    return { data: page.data.map((message) => MessageResponse.from(message)), nextCursor: page.nextCursor };
  }
}

export class MessageLinks {
  /** The reply. @example '/v1/chatrooms/0199…/messages/0199…' */
  reply!: string;

  /** The reply, answered as soon as it is final, or after 30 seconds. */
  wait!: string;

  /** POST there to stop the reply. */
  cancel!: string;

  /** POST there for another reply to the same prompt, once there is one. */
  regenerate!: string;

  /** The conversation. */
  messages!: string;
}

export class PromptAcceptedResponse {
  prompt!: MessageResponse;

  /** The reply that is owed; its content comes later. */
  reply!: MessageResponse;

  /**
   * The reply as it is written, for a plain `EventSource`: needs no header, opens this one reply, for a short while.
   * @example '/v1/chatrooms/0199…/messages/0199…/stream?ticket=AZnywH06fBGfDj…'
   */
  streamUrl!: string;

  links!: MessageLinks;

  /** @param ticket for the stream of the reply */
  static from(prompt: Message, reply: Message, ticket: string): PromptAcceptedResponse {
    const messages = `/v1/chatrooms/${reply.chatroomId}/messages`;
    const self = `${messages}/${reply.id}`;
    return {
      prompt: MessageResponse.from(prompt),
      reply: MessageResponse.from(reply),
      streamUrl: `${self}/stream?ticket=${ticket}`,
      links: {
        reply: self,
        wait: `${self}?wait=30`,
        cancel: `${self}/cancel`,
        regenerate: `${self}/regenerate`,
        messages,
      },
    };
  }
}

function errorOf(code: string): ReplyErrorResponse {
  return { code, message: REPLY_ERRORS[code as ReplyErrorCode] };
}
