import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import { getQueueToken } from '@nestjs/bullmq';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Queue } from 'bullmq';
import type { FastifyInstance } from 'fastify';
import type { RedisClient } from '../redis/redis-client.js';
import { AppError } from '../common/app-error.js';
import { maskMobile } from '../common/mask-mobile.js';
import { sendProblem } from '../common/problem.filter.js';
import { Env } from '../config/env.js';
import {
  ACCOUNT_DELETION_QUEUE,
  OTP_DELIVERY_QUEUE,
  type OtpDeliveryJob,
  REPLY_QUEUE,
  STRIPE_EVENT_QUEUE,
  STRIPE_RECONCILE_QUEUE,
  TITLE_QUEUE,
} from '../queue/queues.js';
import { REDIS } from '../redis/redis.module.js';
import { OperatorAccess } from './operator-access.js';

const PATH = '/admin/queues';

const QUEUES = [
  REPLY_QUEUE,
  TITLE_QUEUE,
  STRIPE_EVENT_QUEUE,
  STRIPE_RECONCILE_QUEUE,
  OTP_DELIVERY_QUEUE,
  ACCOUNT_DELETION_QUEUE,
];

/** Its scripts and data come from here; the font that it would like to have from elsewhere does not. */
const CONTENT_SECURITY_POLICY = [
  `default-src 'self'`,
  `style-src 'self' 'unsafe-inline'`,
  `img-src 'self' data:`,
  `object-src 'none'`,
  `base-uri 'self'`,
  `form-action 'none'`,
  `frame-ancestors 'none'`,
].join(';');

/**
 * The queues as a page for operators, at `/admin/queues`. To look at: what operators do about jobs is `npm run admin`, and
 * what a job stands for is in a row that brings it back. Imported only where it is switched on: it takes half a second.
 */
export async function addQueueDashboard(app: NestFastifyApplication): Promise<void> {
  const access = new OperatorAccess(app.get(Env), app.get<RedisClient>(REDIS));
  const board = new FastifyAdapter().setBasePath(PATH);
  createBullBoard({
    queues: QUEUES.map((name) => adapterOf(app, name)),
    serverAdapter: board,
    options: {
      uiBasePath: dirname(fileURLToPath(import.meta.resolve('@bull-board/ui/package.json'))),
      uiConfig: { boardTitle: 'Queues' },
    },
  });
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance();
  await fastify.register(
    async (scope) => {
      scope.addHook('onRequest', async (request, reply) => {
        try {
          void reply.header('content-security-policy', CONTENT_SECURITY_POLICY);
          void reply.header('cache-control', 'no-store');
          await access.check(request, reply);
          if (request.method !== 'GET' && request.method !== 'HEAD') throw new AppError('NOT_FOUND');
        } catch (error) {
          sendProblem(error, request, reply);
        }
      });
      await scope.register(board.registerPlugin());
    },
    { prefix: PATH },
  );
}

function adapterOf(app: NestFastifyApplication, name: string): BullMQAdapter {
  const adapter = new BullMQAdapter(app.get<Queue>(getQueueToken(name)), { readOnlyMode: true });
  // The only jobs that hold more than ids.
  if (name === OTP_DELIVERY_QUEUE) {
    adapter.setFormatter('data', ({ purpose, mobile }: OtpDeliveryJob) => ({
      purpose,
      mobile: maskMobile(mobile),
    }));
  }
  return adapter;
}
