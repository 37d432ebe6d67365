import { execFile } from 'node:child_process';
import type { TestApp } from './test-app.js';

/** What a command of operators has said, and how it ended. */
export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

/** What an operator types: `npm run admin -- …`, on the settings of the application. */
export function admin(app: Pick<TestApp, 'env'>, args: readonly string[], settings = {}): Promise<Said> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['dist/src/admin-command.js', ...args],
      { env: { PATH: process.env.PATH, ...app.env, ...settings } },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      },
    );
  });
}

/** With `--json`: the document that is answered. Fails unless all was done. */
export async function adminJson<T>(
  app: Pick<TestApp, 'env'>,
  args: readonly string[],
  settings = {},
): Promise<T> {
  const { code, stdout, stderr } = await admin(app, [...args, '--json'], settings);
  if (code !== 0) throw new Error(`The command ended with ${code}:\n${stderr}`);
  return JSON.parse(stdout) as T;
}
