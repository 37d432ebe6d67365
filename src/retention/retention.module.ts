import { Module } from '@nestjs/common';
import { Retention } from './retention.service.js';
import { RetentionRepository } from './retention.repository.js';
import { RetentionSweeper } from './retention-sweeper.js';

@Module({ providers: [Retention, RetentionRepository], exports: [Retention] })
export class RetentionModule {}

/** What prunes by itself, for the roles that work the queues. */
@Module({ imports: [RetentionModule], providers: [RetentionSweeper] })
export class RetentionWorkerModule {}
