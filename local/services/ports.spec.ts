import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { expect, it } from '@jest/globals';
import { findFreePort, requireFreePort } from './ports.js';

async function listen(host: string): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

it('a free port can be listened on', async () => {
  const port = await findFreePort();
  await expect(requireFreePort(port, 'choose another')).resolves.toBeUndefined();
});

it('a free port is found once, though nobody listens on it yet', async () => {
  const ports = new Set<number>();
  for (let n = 0; n < 500; n += 1) ports.add(await findFreePort());
  expect(ports.size).toBe(500);
});

it.each(['127.0.0.1', '0.0.0.0'])(
  'a port taken on %s is refused, with who has it and what to do',
  async (host) => {
    const { server, port } = await listen(host);
    const by = process.platform === 'linux' ? ` \\(by pid ${process.pid}, .+\\)` : '.*';
    await expect(requireFreePort(port, 'set PORT to another')).rejects.toThrow(
      new RegExp(`^port ${port} is taken${by}; set PORT to another$`),
    );
    server.close();
  },
);
