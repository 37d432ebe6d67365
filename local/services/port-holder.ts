import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { processName } from './process-identity.js';

export interface PortHolder {
  pid: number;
  name: string;
}

/** Who listens on a TCP port; null when the system does not tell (a process of another user, a tool that is missing). */
export async function findPortHolder(port: number): Promise<PortHolder | null> {
  try {
    return process.platform === 'linux' ? await findInProc(port) : await askLsof(port);
  } catch {
    return null;
  }
}

/** proc_net_tcp(5): column 2 is address:port in hexadecimal, column 4 the state (0A = LISTEN), column 10 the socket's inode. */
async function listeningInodes(port: number): Promise<Set<string>> {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  const rows = tables.flatMap((table) => table.split('\n').map((line) => line.trim().split(/\s+/)));
  const listening = rows.filter((row) => row[1]?.endsWith(`:${hexPort}`) && row[3] === '0A');
  return new Set(listening.flatMap((row) => (row[9] ? [`socket:[${row[9]}]`] : [])));
}

/** Reading /proc ourselves: slim container images have neither lsof nor ss. */
async function findInProc(port: number): Promise<PortHolder | null> {
  const inodes = await listeningInodes(port);
  if (inodes.size === 0) return null;
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  for (const pid of pids) {
    const handles = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const handle of handles) {
      const target = await readlink(`/proc/${pid}/fd/${handle}`).catch(() => '');
      if (inodes.has(target)) return { pid: Number(pid), name: processName(Number(pid)) ?? 'unknown' };
    }
  }
  return null;
}

async function askLsof(port: number): Promise<PortHolder | null> {
  const { stdout } = await promisify(execFile)('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc']);
  const pid = /^p(\d+)$/m.exec(stdout)?.[1];
  const name = /^c(.+)$/m.exec(stdout)?.[1];
  return pid ? { pid: Number(pid), name: name ?? 'unknown' } : null;
}
