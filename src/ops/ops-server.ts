import { createServer, type Server, type ServerResponse } from 'node:http';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Env } from '../config/env.js';
import type { HealthResponse } from './dto/health.response.js';
import { Health } from './health.js';
import { Readings } from './readings.js';

/**
 * `/metrics` and the process's own health, on a port of their own that no one but operators is to reach: metrics tell of
 * the business, and workers have no other port. It answers until the process ends, so that a probe sees it stopping.
 */
@Injectable()
export class OpsServer implements OnApplicationShutdown {
  private readonly logger = new Logger('OpsServer');
  private server: Server | undefined;

  constructor(
    private readonly env: Env,
    private readonly health: Health,
    private readonly readings: Readings,
  ) {}

  /** Does nothing where no port is set. */
  async listen(): Promise<void> {
    const { METRICS_PORT: port, METRICS_HOST: host } = this.env;
    if (port === null) return;
    const server = createServer((request, response) => {
      void this.answer(request.url ?? '', response).catch((err: unknown) => {
        this.logger.error({ err }, 'An operator could not be answered');
        response.writeHead(500).end();
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, host, resolve);
    });
    this.server = server;
    this.logger.log(`Metrics and health are on ${host}:${port}`);
  }

  onApplicationShutdown(): void {
    this.server?.close();
    this.server?.closeAllConnections();
  }

  private async answer(url: string, response: ServerResponse): Promise<void> {
    const path = url.split('?', 1)[0];
    if (path === '/health/live') tell(response, this.health.live());
    else if (path === '/health/ready') tell(response, await this.health.ready());
    else if (path === '/metrics') await this.tellMetrics(response);
    else response.writeHead(404).end();
  }

  private async tellMetrics(response: ServerResponse): Promise<void> {
    const metrics = await import('../metrics/prometheus.js');
    await this.readings.update(metrics);
    const text = await metrics.registry.metrics();
    response.writeHead(200, { 'content-type': metrics.registry.contentType }).end(text);
  }
}

function tell(response: ServerResponse, health: HealthResponse): void {
  response
    .writeHead(health.status === 'ok' ? 200 : 503, { 'content-type': 'application/json' })
    .end(JSON.stringify(health));
}
