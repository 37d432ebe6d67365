import { Readable } from 'node:stream';
import { Injectable, Logger, StreamableFile } from '@nestjs/common';
import { AuthEventResponse } from '../audit/dto/auth-event.response.js';
import { SubscriptionResponse } from '../billing/dto/subscription.response.js';
import { ChatroomResponse } from '../chatrooms/dto/chatroom.response.js';
import { idTime } from '../common/id.js';
import { MessageResponse } from '../messages/dto/message.response.js';
import { ActiveSessionResponse } from '../sessions/dto/active-session.response.js';
import { UserResponse } from '../users/dto/user.response.js';
import type { User } from '../users/user.entity.js';
import { UsersService } from '../users/users.service.js';
import { ExportRepository } from './export.repository.js';

/** The lines of an export but the last; what each holds is what the API answers elsewhere, so nothing secret. */
const LINE_TYPES = [
  'user',
  'subscription',
  'session',
  'auth_event',
  'chatroom',
  'message',
  'charge',
] as const;
type LineType = (typeof LINE_TYPES)[number];

interface Batch {
  type: LineType;
  rows: object[];
}

@Injectable()
export class ExportService {
  private readonly logger = new Logger(ExportService.name);

  constructor(
    private readonly users: UsersService,
    private readonly rows: ExportRepository,
  ) {}

  /**
   * Everything of the person's as NDJSON. Rows are read as the client takes them, and no longer when it goes away. An
   * error in between breaks the connection, so that what was received has no `end` line.
   *
   * @throws AppError UNAUTHENTICATED when the account of a token is gone
   */
  async stream(userId: string): Promise<StreamableFile> {
    const user = await this.users.load(userId);
    const day = new Date().toISOString().slice(0, 10);
    const lines = Readable.from(this.lines(user), { objectMode: false });
    return new StreamableFile(lines, {
      type: 'application/x-ndjson',
      disposition: `attachment; filename="chat-export-${day}.ndjson"`,
    });
  }

  private async *lines(user: User): AsyncGenerator<Buffer> {
    const counts = Object.fromEntries(LINE_TYPES.map((type) => [type, 0])) as Record<LineType, number>;
    try {
      for await (const { type, rows } of this.batches(user)) {
        counts[type] += rows.length;
        yield Buffer.from(rows.map((row) => `${JSON.stringify({ type, ...row })}\n`).join(''));
      }
    } catch (err) {
      // The status is sent already: no filter can tell of it.
      this.logger.error({ err, userId: user.id }, 'An export broke off');
      throw err;
    }
    yield Buffer.from(`${JSON.stringify({ type: 'end', counts })}\n`);
  }

  private async *batches(user: User): AsyncGenerator<Batch> {
    yield { type: 'user', rows: [UserResponse.from(user)] };
    const subscription = await this.rows.findSubscription(user.id);
    if (subscription !== null) {
      const row = SubscriptionResponse.from(user, subscription);
      yield { type: 'subscription', rows: [row] };
    }
    for await (const sessions of this.rows.sessions(user.id)) {
      yield { type: 'session', rows: sessions.map((session) => ActiveSessionResponse.from(session)) };
    }
    for await (const events of this.rows.authEvents(user.id)) {
      yield { type: 'auth_event', rows: events.map((event) => AuthEventResponse.from(event)) };
    }
    for await (const rooms of this.rows.chatrooms(user.id)) {
      yield { type: 'chatroom', rows: rooms.map((room) => ChatroomResponse.from(room)) };
    }
    for await (const messages of this.rows.messages(user.id)) {
      yield { type: 'message', rows: messages.map((message) => MessageResponse.from(message)) };
    }
    for await (const charges of this.rows.charges(user.id)) {
      const rows = charges.map(({ id }) => ({ id, chargedAt: new Date(idTime(id)) }));
      yield { type: 'charge', rows };
    }
  }
}
