import { DelayedError, type Job, type JobsOptions, type Queue } from 'bullmq';
import { nameOf } from '../common/error-name.js';
import { inContext } from '../common/request-context.js';
import { beginSpan, traceOf } from '../tracing/tracing.js';

type OptionsWithId = JobsOptions & { jobId: string };

const attributesOf = (queue: string, id: string | undefined, operation: 'send' | 'process') => ({
  'messaging.system': 'bullmq',
  'messaging.destination.name': queue,
  'messaging.operation.type': operation,
  ...(id === undefined ? {} : { 'messaging.message.id': id }),
});

/** Adds a job to the trace of who asks for it. Its options carry that, as its data are ids only. */
export async function addJob<T>(
  queue: Queue<T>,
  name: string,
  data: T,
  options: OptionsWithId,
): Promise<void>;
export async function addJob(
  queue: Queue,
  name: string,
  data: unknown,
  options: OptionsWithId,
): Promise<void> {
  const span = beginSpan(`send ${queue.name}`, {
    kind: 'producer',
    attributes: attributesOf(queue.name, options.jobId, 'send'),
  });
  const { traceparent: metadata } = span;
  try {
    await queue.add(name, data, metadata === undefined ? options : { ...options, telemetry: { metadata } });
    span.end();
  } catch (error) {
    span.end(nameOf(error));
    throw error;
  }
}

/**
 * Does the work of a job, in the trace that the job came from. One that has no trace (the sweep made it after its Redis
 * was lost) begins one.
 *
 * @param id what log lines call the job
 */
export async function runJob<T>(job: Job, id: string, work: () => Promise<T>): Promise<T> {
  const span = beginSpan(`process ${job.queueName}`, {
    kind: 'consumer',
    attributes: attributesOf(job.queueName, job.id, 'process'),
    parent: job.opts.telemetry?.metadata,
  });
  try {
    const outcome = await span.run(() => inContext({ jobId: id, ...traceOf(span) }, work));
    if (typeof outcome === 'string') span.set({ 'job.outcome': outcome });
    span.end();
    return outcome;
  } catch (error) {
    if (error instanceof DelayedError) {
      span.set({ 'job.outcome': 'put back' });
      span.end();
    } else span.end(nameOf(error));
    throw error;
  }
}
