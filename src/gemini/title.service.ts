import { Injectable, Logger } from '@nestjs/common';
import { ChatroomListCache } from '../chatrooms/chatroom-list-cache.js';
import { ChatroomsRepository } from '../chatrooms/chatrooms.repository.js';
import { Env } from '../config/env.js';
import { RepliesRepository, type Turn } from '../messages/replies.repository.js';
import type { TitleJob } from '../queue/queues.js';
import { TitleQueue } from '../queue/title-queue.js';
import { GeminiClient } from './gemini.client.js';
import { titleFrom } from './title-text.js';

/** Characters of the prompt, and of its reply, that the model is shown. */
const SHOWN_CHARACTERS = 2000;
/** A title is some twenty; what the model thinks before it counts too. */
const OUTPUT_TOKENS_MAX = 512;
/** Comes last, as the person's next words: whatever stands in the conversation, this is what is asked now. */
const QUESTION =
  'Write a title for this conversation: two to six words, in the language of the conversation, without quotation ' +
  'marks, markdown or a full stop. Answer with the title alone.';

/**
 * Gives a room that was made without a title one from its first exchange. Best effort, and free: nobody waits for it,
 * nobody is charged, and what fails is asked for again by the room's next exchange.
 */
@Injectable()
export class TitleService {
  private readonly logger = new Logger(TitleService.name);

  constructor(
    private readonly env: Env,
    private readonly rooms: ChatroomsRepository,
    private readonly cache: ChatroomListCache,
    private readonly replies: RepliesRepository,
    private readonly queue: TitleQueue,
    private readonly gemini: GeminiClient,
  ) {}

  /** To be called after an exchange in a room without a title. Never throws. */
  async request(job: TitleJob): Promise<void> {
    if (!this.env.TITLES_ENABLED) return;
    try {
      await this.queue.enqueue(job);
    } catch (err) {
      this.logger.debug(
        { err },
        'A title could not be asked for; the next exchange of the room does it again',
      );
    }
  }

  /**
   * Safe to run twice, and while the person writes: what they set or clear meanwhile stays.
   *
   * @throws GeminiError, GeminiAbortedError as GeminiClient.stream does
   */
  async give({ userId, chatroomId }: TitleJob, abort: AbortSignal): Promise<string> {
    if (!(await this.rooms.awaitsTitle(userId, chatroomId))) return 'not wanted';
    const exchange = await this.replies.findFirstExchange(userId, chatroomId, SHOWN_CHARACTERS);
    if (exchange === null) return 'nothing to go by';
    const title = titleFrom(await this.ask(exchange, abort));
    if (title === null) return 'no title';
    if (!(await this.rooms.giveTitle(userId, chatroomId, title))) return 'not wanted any more';
    await this.cache.invalidate(userId);
    return 'titled';
  }

  private async ask(exchange: Turn, abort: AbortSignal): Promise<string> {
    const request = {
      model: this.env.TITLE_MODEL,
      systemInstruction: null,
      history: [exchange],
      prompt: QUESTION,
      maxOutputTokens: OUTPUT_TOKENS_MAX,
    };
    let text = '';
    for await (const chunk of this.gemini.stream(request, abort)) text += chunk.text;
    return text;
  }
}
