import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';

const bench = (...args: string[]): Promise<{ stdout: string }> =>
  promisify(execFile)(process.execPath, ['--import', 'tsx', 'bench/main.ts', ...args]);

it('the benchmarks start, and name every case there is', async () => {
  const files = (await readdir('bench/cases')).map((file) => file.replace(/\.ts$/, ''));
  const { stdout } = await bench('--list');
  const listed = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ', 1)[0]);
  expect([...listed].sort()).toEqual([...files].sort());
});

it('a case that is not there is named', async () => {
  await expect(bench('nothing')).rejects.toMatchObject({
    stderr: expect.stringContaining('There is no case nothing') as unknown,
  });
});
