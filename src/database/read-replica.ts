import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { isConnectionFailure } from '../common/connection-failure.js';
import { repeat } from '../common/repeat.js';
import { Env } from '../config/env.js';
import { databaseOptions } from './database-options.js';

/**
 * Reads that may be some seconds old, from a streaming replica (DATABASE_REPLICA_URL). Two use it, because they are the
 * heaviest and nobody acts on their last second: search and export. Everything else is read from the primary, where
 * people find what they have just written. Not TypeORM's `replication`, which sends every read of an entity to replicas
 * and knows neither how old they are nor what to do without one.
 *
 * How old is bounded: each check asks the replica whether it has come to where the primary was at the check before. Where
 * it has not, cannot be reached, or cancels a statement, the primary answers.
 */
@Injectable()
export class ReadReplica implements OnApplicationShutdown {
  private readonly logger = new Logger(ReadReplica.name);
  private readonly replica: DataSource | undefined;
  private isNear: boolean | undefined;
  private primaryPosition: string | undefined;
  private endChecks: (() => void) | undefined;

  constructor(
    private readonly env: Env,
    @InjectDataSource() private readonly primary: DataSource,
  ) {
    const url = env.DATABASE_REPLICA_URL;
    if (url === undefined) return;
    this.replica = new DataSource({ ...databaseOptions(url, env.DATABASE_POOL_SIZE), migrations: [] });
  }

  /** @param work reads alone; done once more, on the primary, when the replica does not get through it */
  async read<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    if (this.replica === undefined) return work(this.primary.manager);
    this.endChecks ??= repeat('The check of the replica', this.env.DATABASE_REPLICA_LAG_MS / 2, () =>
      this.check(),
    );
    if (this.isNear !== true) return work(this.primary.manager);
    try {
      return await work(this.replica.manager);
    } catch (error) {
      if (isConnectionFailure(error)) this.setNear(false, error);
      return work(this.primary.manager);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    this.endChecks?.();
    if (this.replica?.isInitialized) await this.replica.destroy();
  }

  private async check(): Promise<void> {
    const [row] = await this.primary.query<{ position: string }[]>(
      'SELECT pg_current_wal_lsn()::text AS position',
    );
    const before = this.primaryPosition ?? row?.position;
    this.primaryPosition = row?.position;
    try {
      if (this.replica?.isInitialized === false) await this.replica.initialize();
      const found = await this.replica?.query<{ near: boolean | null }[]>(
        'SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS near',
        [before],
      );
      this.setNear(found?.[0]?.near === true, 'It is too far behind, or follows nobody');
    } catch (error) {
      this.setNear(false, error);
    }
  }

  private setNear(isNear: boolean, reason: unknown): void {
    if (isNear === this.isNear) return;
    this.isNear = isNear;
    if (isNear) this.logger.log('Search and export are read from the replica');
    else
      this.logger.warn({ err: reason }, 'The replica is not used for now: the primary is read in its place');
  }
}
