import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP line to a server that can be cut and mended: to the application the server is gone, and then is back. */
export interface CuttableLine {
  /** The given URL, through this line. */
  url: string;
  cut(): Promise<void>;
  mend(): Promise<void>;
}

/** @param breaksAt cuts the line before it carries the end of what one connection has sent, when that is true of it */
export async function layLine(
  serverUrl: string,
  breaksAt?: (sent: string) => boolean,
): Promise<CuttableLine> {
  const to = new URL(serverUrl);
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(to.port), to.hostname);
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    let sent = '';
    if (breaksAt) {
      near.on('data', (chunk: Buffer) => {
        sent += chunk.toString('latin1');
        if (breaksAt(sent)) void cut();
      });
    }
    near.pipe(far).pipe(near);
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const url = new URL(serverUrl);
  url.host = `127.0.0.1:${port}`;
  const cut = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
      for (const socket of open) socket.destroy();
    });
  return { url: url.href, cut, mend: () => listen(port) };
}
