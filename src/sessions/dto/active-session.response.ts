import type { Page } from '../../common/pagination.js';
import { deviceOf } from '../device.js';
import type { Session } from '../session.entity.js';

/** A device on which you are signed in. */
export class ActiveSessionResponse {
  /** @example '0199f2c0-7d3a-7c11-9f0e-3f1f6a1b2c3d' */
  id!: string;

  /**
   * Read from the user agent: a guess in words.
   * @example 'Chrome on Windows'
   */
  device!: string | null;

  /** @example 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36' */
  userAgent!: string | null;

  /**
   * Where it was last refreshed from.
   * @example '203.0.113.7'
   */
  ip!: string;

  createdAt!: Date;

  /** When it was last refreshed; requests in between are not noted. */
  lastUsedAt!: Date;

  /** When it ends unless it is refreshed before. */
  expiresAt!: Date;

  static from(session: Session): ActiveSessionResponse {
    return {
      id: session.id,
      device: deviceOf(session.userAgent),
      userAgent: session.userAgent,
      ip: session.ip,
      createdAt: session.createdAt,
      lastUsedAt: session.lastUsedAt,
      expiresAt: session.expiresAt,
    };
  }
}

export class ListedSessionResponse extends ActiveSessionResponse {
  /** Whether it is the one that asks. */
  current!: boolean;
}

export class ActiveSessionPageResponse {
  data!: ListedSessionResponse[];

  /** Pass it as `cursor` for the next page; null on the last one. */
  nextCursor!: string | null;

  static from({ data, nextCursor }: Page<Session>, currentId: string): ActiveSessionPageResponse {
    const list = data.map((session) =>
      Object.assign(ActiveSessionResponse.from(session), { current: session.id === currentId }),
    );
    return { data: list, nextCursor };
  }
}
