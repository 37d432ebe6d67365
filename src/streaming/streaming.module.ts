import { Module } from '@nestjs/common';
import { ReplyEvents } from './reply-events.js';
import { ReplyStream } from './reply-stream.js';
import { ReplyStreamReader } from './reply-stream-reader.js';

@Module({
  providers: [ReplyEvents, ReplyStream, ReplyStreamReader],
  exports: [ReplyEvents, ReplyStream, ReplyStreamReader],
})
export class StreamingModule {}
