import { AsyncLocalStorage } from 'node:async_hooks';

/** What every log line of one request or one job carries. */
export interface RequestContext {
  requestId?: string;
  jobId?: string;
  /** Where tracing is on. */
  traceId?: string;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** From this version on a context costs nothing. Before, it costs something at each promise of the process. */
const CHEAP_FROM_NODE = 24;
let isKept = Number(process.versions.node.split('.', 1)) >= CHEAP_FROM_NODE;

/**
 * Makes every log line carry its context on any Node. Without it, before Node 24, only those lines do that are written
 * where the request or job is at hand: for the others, which name ids of their own, a quarter of what a cached answer takes
 * is too much.
 */
export function keepContext(): void {
  isKept = true;
}

export const inContext = <T>(context: RequestContext, work: () => T): T =>
  isKept ? storage.run(context, work) : work();

export const currentContext = (): RequestContext | undefined => (isKept ? storage.getStore() : undefined);
