import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { AppError } from '../common/app-error.js';
import { facts } from '../metrics/facts.js';
import { ReplyChannels } from '../streaming/reply-channels.js';
import { isEventId, ReplyStream, STREAM_START } from '../streaming/reply-stream.js';
import { isFinal } from './message.entity.js';
import { MessagesRepository } from './messages.repository.js';
import { type ReplySources, ReplyWatcher, STORED_EVENT_ID } from './reply-watcher.js';
import { SseConnection } from './sse-connection.js';
import { WatchedReplies } from './watched-replies.js';

/** Proxies commonly close what is silent for 30 s or more. */
const HEARTBEAT_MS = 15_000;

/** Live replies over server-sent events, from any point on. */
@Injectable()
export class ReplyWatchService implements BeforeApplicationShutdown {
  private readonly watchers = new Set<ReplyWatcher>();
  private readonly sources: ReplySources;
  private stopping = false;

  constructor(
    private readonly messages: MessagesRepository,
    private readonly stream: ReplyStream,
    channels: ReplyChannels,
    replies: WatchedReplies,
  ) {
    this.sources = { channels, stream, replies };
  }

  /**
   * Takes the response over and streams until the reply is final. A browser connects again when a stream ends, the last
   * time after the final event: that is answered 204, which makes it stop.
   *
   * @param lastEventId resume after this event
   * @throws AppError before anything was sent
   */
  async watch(
    userId: string,
    chatroomId: string,
    id: string,
    lastEventId: string | undefined,
    reply: FastifyReply,
  ): Promise<void> {
    if (lastEventId !== undefined && lastEventId !== STORED_EVENT_ID && !isEventId(lastEventId)) {
      throw new AppError('VALIDATION_FAILED', {
        errors: [{ path: 'lastEventId', message: 'lastEventId must be the id of an event of this stream' }],
      });
    }
    const message = await this.messages.find(userId, chatroomId, id);
    if (message === null) throw new AppError('MESSAGE_NOT_FOUND');
    if (isFinal(message) && (await this.hasSeenEverything(id, lastEventId))) {
      void reply.status(204).send();
      return;
    }
    const position =
      lastEventId === undefined || lastEventId === STORED_EVENT_ID ? STREAM_START : lastEventId;
    const connection = new SseConnection(reply);
    const watcher = new ReplyWatcher({ userId, id }, position, connection, this.sources);
    this.keep(watcher, connection);
    if (isFinal(message)) void watcher.onStoredFinal();
  }

  /** Clients connect again, to a process that goes on, and resume where they were. */
  beforeApplicationShutdown(): void {
    this.stopping = true;
    for (const watcher of this.watchers) watcher.end();
  }

  private keep(watcher: ReplyWatcher, connection: SseConnection): void {
    // The request was under way when the process was told to stop.
    if (this.stopping) {
      watcher.end();
      return;
    }
    this.watchers.add(watcher);
    facts.streamsChanged.tell(1);
    const heartbeat = setInterval(() => {
      connection.heartbeat();
      watcher.checkStored().catch(() => undefined);
    }, HEARTBEAT_MS);
    connection.onClose(() => {
      clearInterval(heartbeat);
      this.watchers.delete(watcher);
      facts.streamsChanged.tell(-1);
    });
  }

  private async hasSeenEverything(id: string, lastEventId: string | undefined): Promise<boolean> {
    if (lastEventId === undefined) return false;
    return lastEventId === STORED_EVENT_ID || lastEventId === (await this.stream.tryFinalEventId(id));
  }
}
