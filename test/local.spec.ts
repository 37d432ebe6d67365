import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from '@jest/globals';
import { findFreePort } from '../local/services/ports.js';
import { until } from './support/until.js';

const directories: string[] = [];
const started: ChildProcess[] = [];

afterAll(async () => {
  for (const child of started) child.kill('SIGTERM');
  await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })));
});

/** What `npm run local` runs after its build. Nothing of this machine's settings reaches it. */
async function runLocal(env: Record<string, string>): Promise<{ child: ChildProcess; output: () => string }> {
  const directory = await mkdtemp(join(tmpdir(), 'chat-local-'));
  directories.push(directory);
  const child = spawn(process.execPath, ['--import', 'tsx', 'local/main.ts'], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, LOCAL_DATA_DIR: join(directory, 'data'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, output: () => text };
}

it.each<[string, Record<string, string>]>([
  ['in the answer', {}],
  ['on the phone alone', { OTP_DELIVERY: 'webhook' }],
])(
  'a first start comes up, the printed lines get a prompt answered (codes %s), and Ctrl-C ends it all',
  async (_where, env) => {
    const { child, output } = await runLocal({ PORT: String(await findFreePort()), ...env });
    await until('the banner', () => /ready in [\d.]+ s/.test(output()), 60_000);

    const lines = output().split('Try this')[1]?.split('\n').slice(2, 5) ?? [];
    const { stdout } = await promisify(execFile)('sh', ['-c', lines.join('\n')]);
    expect(stdout).toContain('You said: “Why is the sky blue?”');

    const phone = / Phone +(http\S+)/.exec(output())?.[1] ?? '';
    await until('the message is on the phone', async () =>
      (await (await fetch(phone)).text()).includes('is your Chat code to sign in'),
    );

    child.kill('SIGINT');
    const [code] = (await once(child, 'exit')) as [number | null];
    expect(code).toBe(0);
    const urls = [...output().matchAll(/http:\/\/(?:localhost|127\.0\.0\.1):\d+/g)].map(([url]) => url);
    for (const url of new Set(urls)) await expect(fetch(url)).rejects.toThrow();
  },
);

it('a taken port is named, with what to do, before anything is started', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  try {
    const { child, output } = await runLocal({ PORT: String(port) });
    const [code] = (await once(child, 'exit')) as [number | null];
    expect(code).toBe(1);
    expect(output()).toContain(`port ${port} is taken`);
    expect(output()).toContain(`PORT=${port + 1} npm run local`);
    expect(output()).not.toContain('ready in');
  } finally {
    other.close();
  }
});
