import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { processIdentity, waitUntilGone } from './process-identity.js';
import { startService } from './processes.js';
import type { ServiceCommand } from './processes.js';

const STUBBORN = 'trap "" TERM; echo ready; while :; do sleep 0.1; done';

const shell = (script: string, over: Partial<ServiceCommand> = {}): ServiceCommand => ({
  command: '/bin/sh',
  args: ['-c', script],
  stopSignal: 'SIGTERM',
  graceMs: 5_000,
  ...over,
});

describe('a service', () => {
  it('tells how it ended and what it wrote last', async () => {
    const service = await startService(shell('echo one; echo two >&2; exit 3'));
    await expect(service.exited).resolves.toBe('exit code 3');
    expect(service.lastLines().split('\n').sort()).toEqual(['one', 'two']);
    await service.stop();
  });

  it('that ignores the request to end is killed after its grace', async () => {
    let announce: () => void;
    const ready = new Promise<void>((resolve) => (announce = resolve));
    const onLine = (): void => {
      announce();
    };
    const service = await startService(shell(STUBBORN, { graceMs: 50, onLine }));
    await ready;
    await service.stop();
    await expect(service.exited).resolves.toBe('SIGKILL');
  });

  it('that cannot be executed is an error', async () => {
    await expect(startService(shell('', { command: '/does/not/exist' }))).rejects.toThrow(/ENOENT/);
  });

  it('does not outlive us when we are killed with -9', async () => {
    const module = pathToFileURL(join(import.meta.dirname, 'processes.ts')).href;
    const script = `
      import { startService } from '${module}';
      const { pid } = await startService({ command: 'sleep', args: ['600'], stopSignal: 'SIGTERM', graceMs: 1000 });
      console.log(pid);`;
    const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      cwd: join(import.meta.dirname, '../..'),
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const identity = processIdentity(Number(line));
    parent.kill('SIGKILL');
    expect(identity).not.toBeNull();
    await expect(waitUntilGone(identity ?? '', 5_000)).resolves.toBe(true);
  });
});
