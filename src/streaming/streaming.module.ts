import { Module } from '@nestjs/common';
import { ReplyEvents } from './reply-events.js';

@Module({ providers: [ReplyEvents], exports: [ReplyEvents] })
export class StreamingModule {}
