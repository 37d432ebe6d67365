import { findSystemProgram, type SystemAccess, type WantedProgram } from './system-program.js';

const REDIS: WantedProgram = {
  /*
   * Debian's and Ubuntu's `redis-tools` holds the whole server: their `redis-server` is a link to its `redis-check-rdb`
   * (one binary that looks at the name it is called by) plus a system service. We want no service, so the link is made
   * by `argv0` at the start.
   */
  names: ['redis-server', 'valkey-server', 'redis-check-rdb', 'valkey-check-rdb'],
  packages: { 'apt-get': 'redis-tools', dnf: 'redis', apk: 'redis', brew: 'redis' },
  reason: 'the job queue needs Redis, and no redis-server or valkey-server is on PATH',
  notFound: 'No redis-server or valkey-server was found on PATH.',
  byHand: 'Install Redis or Valkey and start again.',
  otherwise: 'Or set REDIS_URL to a Redis of yours (6.2 or later).',
};

/**
 * The server program to give to `startRedis`; no system service is started.
 *
 * @throws LocalError that says what to type on this system.
 */
export const findRedisServer = (system?: SystemAccess): Promise<string> => findSystemProgram(REDIS, system);
