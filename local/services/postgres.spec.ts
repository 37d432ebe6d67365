import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startPostgres as startUntracked } from './postgres.js';
import type { EmbeddedPostgres, PostgresOptions } from './postgres.js';

const root = mkdtempSync(join(tmpdir(), 'postgres-spec-'));
let dataDir: string;
let count = 0;

beforeEach(() => {
  count += 1;
  dataDir = join(root, String(count), 'data');
});

const started: EmbeddedPostgres[] = [];

async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const postgres = await startUntracked(options);
  started.push(postgres);
  return postgres;
}

afterAll(async () => {
  await Promise.all(started.map((postgres) => postgres.stop()));
  rmSync(root, { recursive: true, force: true });
});

const start = (): Promise<EmbeddedPostgres> => startPostgres({ dataDir, persistent: true, fast: true });

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Whether connecting fails, and with which code. */
async function refusal(url: string): Promise<string | undefined> {
  return await query(url, 'SELECT 1').then(
    () => undefined,
    (error: unknown) => (error as { code?: string }).code,
  );
}

describe('an embedded PostgreSQL', () => {
  it('keeps its data from one start to the next, in UTF-8 and UTC', async () => {
    const first = await start();
    await query(first.url, "CREATE TABLE notes AS SELECT 'Grüße 🌍' AS text");
    await first.stop();
    await expect(refusal(first.url)).resolves.toBe('ECONNREFUSED');

    const second = await start();
    await expect(query(second.url, 'SELECT text FROM notes')).resolves.toEqual([{ text: 'Grüße 🌍' }]);
    await expect(query(second.url, 'SHOW timezone')).resolves.toEqual([{ TimeZone: 'UTC' }]);
    await expect(query(second.url, 'SHOW server_encoding')).resolves.toEqual([{ server_encoding: 'UTF8' }]);
    await second.stop();
  });

  it('starts again after kill -9, with what was committed', async () => {
    const first = await start();
    await query(first.url, 'CREATE TABLE notes AS SELECT 42 AS n');
    process.kill(first.pid, 'SIGKILL');
    await expect(first.exited).resolves.toBe('SIGKILL');
    await first.stop();
    expect(existsSync(join(dataDir, 'postmaster.pid'))).toBe(true);

    const second = await start();
    await expect(query(second.url, 'SELECT n FROM notes')).resolves.toEqual([{ n: 42 }]);
    await second.stop();
  });

  it('is not fooled by a leftover pid that another program has now', async () => {
    await (await start()).stop();
    writeFileSync(join(dataDir, 'postmaster.pid'), `${process.pid}\n${dataDir}\n1\n5432\n\n\n\n`);
    const again = await start();
    await again.stop();
  });

  it('refuses a data directory that a live run uses, and names its pid', async () => {
    const first = await start();
    await expect(start()).rejects.toThrow(new RegExp(`in use by another run.*pid ${process.pid}`));
    await expect(query(first.url, 'SELECT 1 AS one')).resolves.toEqual([{ one: 1 }]);
    await first.stop();
  });

  it('ends the server that a killed run left behind, and takes its data over', async () => {
    const orphan = await start();
    await query(orphan.url, 'CREATE TABLE notes AS SELECT 42 AS n');
    const lock = JSON.parse(readFileSync(`${dataDir}.lock`, 'utf8')) as { service: string };
    writeFileSync(`${dataDir}.lock`, JSON.stringify({ owner: '999999999@1', service: lock.service }));

    const second = await start();
    await expect(orphan.exited).resolves.toBe('exit code 0');
    await expect(query(second.url, 'SELECT n FROM notes')).resolves.toEqual([{ n: 42 }]);
    await second.stop();
  });

  it('starts over after a first start that was cut off', async () => {
    const abandoned = `${dataDir}.new-12345678`;
    mkdirSync(abandoned, { recursive: true });
    writeFileSync(join(abandoned, 'PG_VERSION'), '18\n');
    const postgres = await start();
    expect(readdirSync(join(dataDir, '..')).filter((name) => name.includes('.new-'))).toEqual([]);
    await postgres.stop();
  });

  it('says so when the data was made by another major version', async () => {
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(join(dataDir, 'PG_VERSION'), '15\n');
    await expect(start()).rejects.toThrow(/made by PostgreSQL 15, this is 18/);
    expect(existsSync(`${dataDir}.lock`)).toBe(false);
  });

  it('touches nothing in a directory that holds something else', async () => {
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(join(dataDir, 'thesis.txt'), 'years of work');
    await expect(start()).rejects.toThrow(/not empty/);
    expect(readdirSync(dataDir)).toEqual(['thesis.txt']);
  });

  it('says who has the port that it was told to use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await expect(startPostgres({ dataDir, port, persistent: false, fast: true })).rejects.toThrow(
      `port ${port} is taken`,
    );
    server.close();
  });

  it('is closed to who does not know the password', async () => {
    const postgres = await start();
    const wrong = new URL(postgres.url);
    wrong.password = 'guess';
    await expect(refusal(wrong.href)).resolves.toBe('28P01');
    await postgres.stop();
  });

  it('deletes data that is not persistent, and makes the database that it is asked for', async () => {
    const postgres = await startPostgres({
      dataDir,
      persistent: false,
      fast: true,
      database: 'chat',
      maxConnections: 7,
    });
    await expect(query(postgres.url, 'SELECT current_database() AS name')).resolves.toEqual([
      { name: 'chat' },
    ]);
    await expect(query(postgres.url, 'SHOW max_connections')).resolves.toEqual([{ max_connections: '7' }]);
    await postgres.stop();
    expect(existsSync(dataDir)).toBe(false);
  });
});
