import { Injectable } from '@nestjs/common';
import { Batcher } from '../common/batcher.js';
import { MessageResponse } from './dto/message.response.js';
import { type MessageKey, MessagesRepository } from './messages.repository.js';

/** Somebody waits for the end of their reply. */
const FINAL = { gatherMs: 5, most: 100 };
/** Nobody waits for a look at a row that is most likely as it was. */
const LOOK = { gatherMs: 250, most: 1000 };

/** The rows of replies that people watch: read for many at once, as their streams are as many as they like. */
@Injectable()
export class WatchedReplies {
  private readonly messages: Batcher<MessageKey, MessageResponse | null>;
  private readonly owed: Batcher<MessageKey, boolean>;

  constructor(repository: MessagesRepository) {
    this.messages = new Batcher(
      async (keys) => (await repository.findAll(keys)).map((row) => row && MessageResponse.from(row)),
      FINAL,
    );
    this.owed = new Batcher((keys) => repository.areOwed(keys), LOOK);
  }

  /** The message as it is stored now; null when it is gone. */
  find(key: MessageKey): Promise<MessageResponse | null> {
    return this.messages.run(key);
  }

  isOwed(key: MessageKey): Promise<boolean> {
    return this.owed.run(key);
  }
}
