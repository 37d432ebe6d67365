import { Controller, Get, HttpStatus, Inject, type OnModuleDestroy, Res } from '@nestjs/common';
import { ApiOkResponse, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { Redis } from 'ioredis';
import { DataSource } from 'typeorm';
import { Public } from '../common/public.decorator.js';
import { SkipThrottling } from '../common/throttling.js';
import { REDIS } from '../redis/redis.module.js';
import { HealthResponse } from './dto/health.response.js';

const CHECK_TIMEOUT_MS = 2000;

@ApiTags('Health')
@Public()
@SkipThrottling()
@Controller('health')
export class HealthController implements OnModuleDestroy {
  private stopping = false;

  constructor(
    private readonly database: DataSource,
    @Inject(REDIS) private readonly redis: Redis,
  ) {}

  onModuleDestroy(): void {
    this.stopping = true;
  }

  /** The process runs (restart it when this does not answer) */
  @Get('live')
  live(): HealthResponse {
    return { status: 'ok', checks: {} };
  }

  /** The process can serve people: Postgres and Redis answer (send it traffic while this is 200) */
  @Get('ready')
  @ApiOkResponse({ type: HealthResponse })
  @ApiResponse({
    status: 503,
    type: HealthResponse,
    description: 'Something is down, or the process is stopping',
  })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthResponse> {
    const [postgres, redis] = await Promise.all([
      check(this.database.query('SELECT 1')),
      check(this.redis.ping()),
    ]);
    const ok = postgres === 'up' && redis === 'up' && !this.stopping;
    if (!ok) reply.status(HttpStatus.SERVICE_UNAVAILABLE);
    return { status: ok ? 'ok' : this.stopping ? 'stopping' : 'down', checks: { postgres, redis } };
  }
}

async function check(work: Promise<unknown>): Promise<'up' | 'down'> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<'down'>((resolve) => {
    timer = setTimeout(() => {
      resolve('down');
    }, CHECK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([
      work.then(
        () => 'up' as const,
        () => 'down' as const,
      ),
      timeout,
    ]);
  } finally {
    clearTimeout(timer);
  }
}
