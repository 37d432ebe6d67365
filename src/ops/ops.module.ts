import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { QueueModule } from '../queue/queue.module.js';
import { BacklogRepository } from './backlog.repository.js';
import { Draining } from './draining.js';
import { Health } from './health.js';
import { HealthController } from './health.controller.js';
import { OpsServer } from './ops-server.js';
import { Readings } from './readings.js';

@Module({
  imports: [DiscoveryModule, QueueModule],
  controllers: [HealthController],
  providers: [Draining, Health, Readings, BacklogRepository, OpsServer],
})
export class OpsModule {}
