import { Processor } from '@nestjs/bullmq';
import { type DynamicModule, Module } from '@nestjs/common';
import { ChatroomsModule } from '../chatrooms/chatrooms.module.js';
import type { Env } from '../config/env.js';
import { MessagesModule } from '../messages/messages.module.js';
import { ReplySweeper } from '../messages/reply-sweeper.js';
import { REPLY_QUEUE, TITLE_QUEUE } from '../queue/queues.js';
import { PAUSABLE } from '../queue/reply-queue.js';
import { workerOptions } from '../queue/worker-options.js';
import { GeminiClient } from './gemini.client.js';
import { ReplyProcessor } from './reply.processor.js';
import { ReplyService } from './reply.service.js';
import { TitleProcessor } from './title.processor.js';
import { TitleService } from './title.service.js';

/** Titles made at once by one worker process. */
const TITLE_CONCURRENCY = 8;

/** The worker that answers prompts. Imported by the composition root alone, in the roles that work the queue. */
@Module({})
export class GeminiModule {
  static with(env: Env): DynamicModule {
    // @Processor takes its options where the class is declared; ours are settings, so it is applied here.
    const replies = { ...workerOptions(env, env.REPLY_CONCURRENCY), ...PAUSABLE };
    Processor(REPLY_QUEUE, replies)(ReplyProcessor);
    Processor(TITLE_QUEUE, workerOptions(env, TITLE_CONCURRENCY))(TitleProcessor);
    return {
      module: GeminiModule,
      imports: [MessagesModule, ChatroomsModule],
      providers: [
        GeminiClient,
        ReplyProcessor,
        ReplyService,
        ReplySweeper,
        TitleService,
        ...(env.TITLES_ENABLED ? [TitleProcessor] : []),
      ],
    };
  }
}
