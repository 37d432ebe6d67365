import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

interface Sent {
  path: string;
  authorization: string | undefined;
  fields: Record<string, string>;
}

/** What the Twilio SDK talks to in place of https://api.twilio.com. */
export interface TwilioStandIn {
  url: string;
  sent: Sent[];
  /** What the next requests are refused with: HTTP status and Twilio's error code. */
  refusals: [status: number, code: number][];
  close(): Promise<void>;
}

export async function startTwilioStandIn(): Promise<TwilioStandIn> {
  const sent: Sent[] = [];
  const refusals: [number, number][] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const fields = Object.fromEntries(new URLSearchParams(body));
      sent.push({ path: request.url ?? '', authorization: request.headers.authorization, fields });
      const [status, code] = refusals.shift() ?? [201, 0];
      const message = `The number ${fields.To ?? ''} cannot be sent "${fields.Body ?? ''}"`;
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(code ? { status, code, message, more_info: '' } : { sid: 'SM1', status: 'queued' }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent,
    refusals,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
