import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { loadEnv } from '../src/config/load-env.js';
import { START } from './support/app-process.js';
import { expectBuilt, KNOWN, missingIn, SECRETS, SHUTDOWN_MARGIN_MS } from './support/deployment.js';

const REQUIRED = missingIn({});

describe('the Dockerfile', () => {
  const text = readFileSync('Dockerfile', 'utf8');
  const lines = text.replaceAll(/\\\n\s*/g, '').split('\n');
  const of = (word: string): string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));

  it('is built on the Node of .nvmrc, in its slim variant', () => {
    const images = of('FROM').map((from) => from.replace(/ AS .*/, ''));
    const official = images.filter((image) => image.includes(':'));
    expect(new Set(official)).toEqual(
      new Set([`node:${readFileSync('.nvmrc', 'utf8').trim()}-bookworm-slim`]),
    );
  });

  it('copies what there is, and what .dockerignore lets in; nothing else is let in', () => {
    const copied = of('COPY')
      .filter((copy) => !copy.startsWith('--from'))
      .flatMap((copy) => copy.split(' ').slice(0, -1));
    for (const path of copied) expect(existsSync(path)).toBe(true);
    const ignore = readFileSync('.dockerignore', 'utf8').split('\n');
    expect(ignore).toContain('*');
    const letIn = ignore.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    expect(new Set(letIn)).toEqual(new Set(copied));
  });

  it('ends with what is built, started without a shell by somebody who is not root', () => {
    const command = JSON.parse(of('CMD').at(-1) ?? '') as string[];
    expect(command).toEqual(['node', ...START]);
    expect(readFileSync('package.json', 'utf8')).toContain(`"start": "${command.join(' ')}"`);
    expect(of('USER')).toEqual(['node']);
    expect(lines.findIndex((line) => line.startsWith('USER'))).toBeGreaterThan(
      lines.findLastIndex((line) => /^(RUN|COPY)/.test(line)),
    );
    expect(
      of('RUN')
        .filter((run) => run.includes('npm ci'))
        .at(-1),
    ).toContain('--omit=dev');
  });

  it('sets and exposes what the application knows', () => {
    const set: Record<string, string | undefined> = Object.fromEntries<string>(
      [
        ...of('ENV')
          .join(' ')
          .matchAll(/(\w+)=(\S+)/g),
      ].map(([, name = '', value = '']) => [name, value]),
    );
    for (const name of Object.keys(set)) expect(KNOWN).toContain(name);
    expect(of('EXPOSE')).toEqual([`${set.PORT ?? ''} ${set.METRICS_PORT ?? ''}`]);
    expect(of('HEALTHCHECK')[0]).toContain('${process.env.METRICS_PORT}/health/live');
  });
});

describe('compose.yaml', () => {
  interface Service {
    image: string;
    command?: string[];
    ports?: string[];
    environment: Record<string, string | number> & { PORT: number };
    read_only?: boolean;
    stop_grace_period?: string;
    depends_on: Record<string, { condition: string }>;
    healthcheck?: { disable?: boolean };
  }
  const { services } = parse(readFileSync('compose.yaml', 'utf8'), { merge: true }) as {
    services: Record<'api' | 'worker' | 'migrate' | 'postgres' | 'redis', Service>;
  };

  it.each(['api', 'worker'] as const)(
    'gives the %s its settings, and asks for those that it has not',
    (role) => {
      const { environment } = services[role];
      expect(environment.PROCESS_ROLE).toBe(role);
      for (const name of Object.keys(environment)) expect(KNOWN).toContain(name);
      expect(Object.keys(environment)).toEqual(expect.arrayContaining([...REQUIRED, 'FRONTEND_URL']));
      const secrets = Object.entries(environment).filter(([name]) => REQUIRED.includes(name));
      for (const [name, value] of secrets) {
        if (name !== 'REDIS_URL') expect(value).toMatch(/\$\{[A-Z_]+:\?/);
      }
      expect(environment.DATABASE_URL).toContain('@postgres:');
      expect(environment.REDIS_URL).toContain('//redis:');
    },
  );

  it('starts them once the database has its schema, by a command that is built', () => {
    expectBuilt(services.migrate.command);
    for (const { depends_on } of [services.api, services.worker]) {
      expect(depends_on.migrate).toEqual({ condition: 'service_completed_successfully' });
      expect(depends_on.redis).toEqual({ condition: 'service_healthy' });
    }
    expect(services.migrate.depends_on).toEqual({ postgres: { condition: 'service_healthy' } });
  });

  it('shows nothing but the API, on loopback, at the port that it listens on', () => {
    const { api, ...others } = services;
    expect(api.ports).toEqual([`127.0.0.1:\${PORT:-5000}:${api.environment.PORT}`]);
    for (const service of Object.values(others)) expect(service.ports).toBeUndefined();
  });

  it('has a Redis that persists and does not evict, and gives processes the time to stop', () => {
    expect(services.redis.command?.join(' ')).toMatch(/--appendonly yes .*--maxmemory-policy noeviction/);
    const { SHUTDOWN_GRACE_MS } = loadEnv({ NODE_ENV: 'production', OTP_DELIVERY: 'twilio', ...SECRETS });
    for (const { stop_grace_period, read_only } of [services.api, services.worker]) {
      expect(Number.parseInt(stop_grace_period ?? '', 10) * 1000).toBeGreaterThan(
        SHUTDOWN_GRACE_MS + SHUTDOWN_MARGIN_MS,
      );
      expect(read_only).toBe(true);
    }
  });
});
