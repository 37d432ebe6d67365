import { AsyncLocalStorage } from 'node:async_hooks';

/** What every log line of one request or one job carries. */
export interface RequestContext {
  requestId?: string;
  jobId?: string;
  /** Where tracing is on. */
  traceId?: string;
}

export const requestContext = new AsyncLocalStorage<RequestContext>();
