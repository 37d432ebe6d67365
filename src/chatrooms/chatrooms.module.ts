import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IdempotencyModule } from '../idempotency/idempotency.module.js';
import { QueueModule } from '../queue/queue.module.js';
import { QuotaModule } from '../quota/quota.module.js';
import { StreamingModule } from '../streaming/streaming.module.js';
import { Chatroom } from './chatroom.entity.js';
import { ChatroomListCache } from './chatroom-list-cache.js';
import { ChatroomsController } from './chatrooms.controller.js';
import { ChatroomsRepository } from './chatrooms.repository.js';
import { ChatroomsService } from './chatrooms.service.js';
import { RoomCleanup } from './room-cleanup.js';

@Module({
  imports: [
    TypeOrmModule.forFeature([Chatroom]),
    IdempotencyModule,
    QueueModule,
    QuotaModule,
    StreamingModule,
  ],
  controllers: [ChatroomsController],
  providers: [ChatroomsRepository, ChatroomsService, ChatroomListCache, RoomCleanup],
  exports: [ChatroomListCache, ChatroomsRepository],
})
export class ChatroomsModule {}
