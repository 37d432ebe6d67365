import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthModule } from '../auth/auth.module.js';
import { ChatroomsModule } from '../chatrooms/chatrooms.module.js';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { QueueModule } from '../queue/queue.module.js';
import { QuotaModule } from '../quota/quota.module.js';
import { StreamingModule } from '../streaming/streaming.module.js';
import { Message } from './message.entity.js';
import { MessageSearchController } from './message-search.controller.js';
import { MessageSearchRepository } from './message-search.repository.js';
import { MessageSearchService } from './message-search.service.js';
import { MessagesController } from './messages.controller.js';
import { MessagesRepository } from './messages.repository.js';
import { MessagesService } from './messages.service.js';
import { OperatedRepliesRepository } from './operated-replies.repository.js';
import { OwedRepliesRepository } from './owed-replies.repository.js';
import { PromptsService } from './prompts.service.js';
import { RepliesRepository } from './replies.repository.js';
import { RepliesController } from './replies.controller.js';
import { ReplyCancelService } from './reply-cancel.service.js';
import { ReplyWaitService } from './reply-wait.service.js';
import { ReplyWatchService } from './reply-watch.service.js';
import { StreamAccessGuard } from './stream-access.guard.js';
import { StreamTickets } from './stream-tickets.js';
import { WatchedReplies } from './watched-replies.js';

@Module({
  imports: [
    AuthModule,
    TypeOrmModule.forFeature([Message]),
    ChatroomsModule,
    IdempotencyModule,
    QueueModule,
    QuotaModule,
    StreamingModule,
  ],
  controllers: [MessagesController, RepliesController, MessageSearchController],
  providers: [
    MessagesRepository,
    OwedRepliesRepository,
    OperatedRepliesRepository,
    RepliesRepository,
    MessageSearchRepository,
    MessagesService,
    PromptsService,
    MessageSearchService,
    ReplyWaitService,
    ReplyWatchService,
    ReplyCancelService,
    StreamTickets,
    WatchedReplies,
    StreamAccessGuard,
  ],
  exports: [
    RepliesRepository,
    OwedRepliesRepository,
    OperatedRepliesRepository,
    PromptsService,
    QueueModule,
    QuotaModule,
    StreamingModule,
  ],
})
export class MessagesModule {}
