import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ChatroomsModule } from '../chatrooms/chatrooms.module.js';
import { QueueModule } from '../queue/queue.module.js';
import { QuotaModule } from '../quota/quota.module.js';
import { StreamingModule } from '../streaming/streaming.module.js';
import { Message } from './message.entity.js';
import { MessagesController } from './messages.controller.js';
import { MessagesRepository } from './messages.repository.js';
import { MessagesService } from './messages.service.js';
import { RepliesRepository } from './replies.repository.js';
import { ReplyWaitService } from './reply-wait.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([Message]), ChatroomsModule, QueueModule, QuotaModule, StreamingModule],
  controllers: [MessagesController],
  providers: [MessagesRepository, RepliesRepository, MessagesService, ReplyWaitService],
  exports: [RepliesRepository, QueueModule, QuotaModule, StreamingModule],
})
export class MessagesModule {}
