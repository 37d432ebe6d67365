import type { Type } from '@nestjs/common';
import type { AuthenticatedRequest } from '../common/current-user.js';

export const KEY_HEADER = 'Idempotency-Key';
export const REPLAYED_HEADER = 'idempotency-replayed';
export const KEY_LENGTH_MAX = 255;

/** A key that a request brought, and what it stands for. Whoever stores the effect stores this with it. */
export interface IdempotencyClaim {
  key: string;
  requestHash: Buffer;
}

/** Makes the answer to a request again from what was kept of it. */
export interface Replayer {
  replay(userId: string, outcome: unknown): Promise<object>;
}

/** What `@Idempotent()` says about a route. */
export interface IdempotentRoute {
  replayer: Type<Replayer> | null;
}

/** What the idempotency guard leaves on a request that brought a key. */
export interface IdempotentRequest extends AuthenticatedRequest {
  idempotency?: {
    claim: IdempotencyClaim;
    /** Set when the request had its effect before: it is answered from this, and nothing else happens. */
    outcome?: unknown;
    /** Set while the request is carried out: lets its twins go on. */
    leave?: () => Promise<void>;
  };
}

export const IDEMPOTENT = 'idempotent';

/** Whether a request had its effect before: it must be neither counted nor limited again. */
export const isReplay = (request: IdempotentRequest): boolean => request.idempotency?.outcome !== undefined;
