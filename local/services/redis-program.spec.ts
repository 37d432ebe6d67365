import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { findRedisServer } from './redis-program.js';
import type { SystemAccess } from './system-program.js';

const root = mkdtempSync(join(tmpdir(), 'redis-program-spec-'));
let bin: string;
let count = 0;

beforeEach(() => {
  bin = join(root, String((count += 1)));
  mkdirSync(bin);
});

afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

const provide = (...names: string[]): void => {
  for (const name of names) writeFileSync(join(bin, name), '#!/bin/sh\n', { mode: 0o755 });
};

interface Recorded {
  system: SystemAccess;
  commands: string[];
  printed: string[];
}

/** A system with only what was put into `bin`; `run` records, and does what `effect` says. */
function aSystem(
  over: Partial<SystemAccess> = {},
  effect: (command: string) => void = () => undefined,
): Recorded {
  const commands: string[] = [];
  const printed: string[] = [];
  const system: SystemAccess = {
    path: ['/does/not/exist', bin].join(delimiter),
    platform: 'linux',
    isRoot: true,
    run: (command, args) => {
      const line = [command, ...args].join(' ');
      commands.push(line);
      return new Promise((resolve) => {
        effect(line);
        resolve(undefined);
      });
    },
    print: (line) => printed.push(line),
    ...over,
  };
  return { system, commands, printed };
}

describe('finding a Redis server program', () => {
  it.each(['redis-server', 'valkey-server'])('takes %s from PATH and installs nothing', async (name) => {
    provide('apt-get', name);
    const { system, commands } = aSystem();
    await expect(findRedisServer(system)).resolves.toBe(join(bin, name));
    expect(commands).toEqual([]);
  });

  it('installs the package without a system service, and says what and why first', async () => {
    provide('apt-get');
    const { system, commands, printed } = aSystem({}, (line) => {
      expect(printed).toHaveLength(1);
      if (line.includes(' install ')) provide('redis-check-rdb');
    });
    await expect(findRedisServer(system)).resolves.toBe(join(bin, 'redis-check-rdb'));
    expect(commands).toHaveLength(2);
    expect(commands[1]).toMatch(/^apt-get install .*--no-install-recommends .*redis-tools$/);
    expect(printed[0]).toMatch(/Installing redis-tools with apt-get: the job queue needs Redis/);
  });

  it('goes on when only the package lists could not be refreshed', async () => {
    provide('apt-get');
    const { system } = aSystem({}, (line) => {
      if (line.includes('update')) throw new Error('one source is down');
      provide('redis-check-rdb');
    });
    await expect(findRedisServer(system)).resolves.toContain('redis-check-rdb');
  });

  it('uses sudo when it asks for no password', async () => {
    provide('apt-get', 'sudo');
    const { system, commands } = aSystem({ isRoot: false }, (line) => {
      if (line.includes(' install ')) provide('redis-check-rdb');
    });
    await findRedisServer(system);
    expect(commands.every((line) => line.startsWith('sudo -n '))).toBe(true);
  });

  it('says what to type when installing needs a password', async () => {
    provide('apt-get', 'sudo');
    const { system, printed } = aSystem({ isRoot: false }, () => {
      throw new Error('sudo: a password is required');
    });
    await expect(findRedisServer(system)).rejects.toThrow(
      /sudo apt-get update && sudo apt-get install redis-tools\n.*REDIS_URL/s,
    );
    expect(printed).toEqual([]);
  });

  it('uses Homebrew on macOS without sudo', async () => {
    provide('brew');
    const { system, commands } = aSystem({ platform: 'darwin', isRoot: false }, () => {
      provide('redis-server');
    });
    await findRedisServer(system);
    expect(commands).toEqual(['brew install --quiet redis']);
  });

  it('repeats what the package manager said when it fails', async () => {
    provide('apt-get');
    const { system } = aSystem({}, () => {
      throw Object.assign(new Error('exit 100'), { stderr: 'E: Unable to locate package redis-tools' });
    });
    await expect(findRedisServer(system)).rejects.toThrow(
      /Unable to locate package[^]*apt-get install redis-tools/,
    );
  });

  it.each(['linux', 'darwin', 'win32'] as const)(
    'says what to do when %s has no package manager',
    async (platform) => {
      const { system } = aSystem({ platform });
      await expect(findRedisServer(system)).rejects.toThrow(/Install Redis or Valkey[^]*REDIS_URL/);
    },
  );
});
