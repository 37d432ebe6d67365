import { Module } from '@nestjs/common';
import { ReplyChannels } from './reply-channels.js';
import { ReplyEvents } from './reply-events.js';
import { ReplyStream } from './reply-stream.js';

@Module({
  providers: [ReplyChannels, ReplyEvents, ReplyStream],
  exports: [ReplyChannels, ReplyEvents, ReplyStream],
})
export class StreamingModule {}
