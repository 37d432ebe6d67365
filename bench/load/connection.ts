import { connect, type Socket } from 'node:net';

export interface Request {
  method: 'GET' | 'POST';
  /** With the query. */
  path: string;
  token?: string;
  body?: unknown;
}

export interface Answer {
  status: number;
  body: Buffer;
}

/** The bytes of a request, made once and sent often. */
export function bytesOf({ method, path, token, body }: Request, host: string): Buffer {
  const json = body === undefined ? '' : JSON.stringify(body);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `host: ${host}`,
    ...(token === undefined ? [] : [`authorization: Bearer ${token}`]),
    ...(body === undefined
      ? []
      : ['content-type: application/json', `content-length: ${Buffer.byteLength(json)}`]),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${json}`);
}

const HEAD_END = '\r\n\r\n';
const LAST_CHUNK = '0\r\n\r\n';

/**
 * One keep-alive connection that sends a request and reads its answer, and no more of HTTP than that takes: on the same
 * machine, what the client costs is taken from the server. (node:http costs about as much as the server does.)
 */
export class Connection {
  private readonly socket: Socket;
  private received: Buffer = Buffer.alloc(0);
  private settle: { done: (answer: Answer) => void; failed: (error: Error) => void } | undefined;
  private broken: Error | undefined;

  /** @param address of ours to connect from: each has a limit of its own, and 28,000 ports */
  constructor(url: URL, address?: string) {
    this.socket = connect({
      ...{ host: url.hostname, port: Number(url.port), noDelay: true },
      ...(address === undefined ? {} : { localAddress: address }),
    });
    this.socket.on('data', (chunk) => {
      this.read(chunk);
    });
    this.socket.on('error', (error) => {
      this.fail(error);
    });
    this.socket.on('close', () => {
      this.fail(new Error('The server closed the connection'));
    });
  }

  send(request: Buffer): Promise<Answer> {
    return new Promise((done, failed) => {
      if (this.broken) {
        failed(this.broken);
        return;
      }
      this.settle = { done, failed };
      this.socket.write(request);
    });
  }

  close(): void {
    this.settle = undefined;
    this.socket.destroy();
  }

  private fail(error: Error): void {
    this.broken ??= error;
    this.settle?.failed(this.broken);
    this.settle = undefined;
  }

  private read(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk]);
    const answer = parse(this.received);
    if (answer === null) return;
    this.received = Buffer.alloc(0);
    const { settle } = this;
    this.settle = undefined;
    settle?.done(answer);
  }
}

/** The answer, once all of it is there. */
function parse(received: Buffer): Answer | null {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd < 0) return null;
  const head = received.toString('latin1', 0, headEnd);
  const status = Number(head.slice(9, 12));
  const bodyAt = headEnd + HEAD_END.length;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const end = bodyAt + Number(length);
    return received.length < end ? null : { status, body: received.subarray(bodyAt, end) };
  }
  if (status === 204 || status === 304) return { status, body: Buffer.alloc(0) };
  const whole =
    received.length >= bodyAt + LAST_CHUNK.length && received.subarray(-LAST_CHUNK.length).equals(LAST);
  return whole ? { status, body: unchunk(received.subarray(bodyAt)) } : null;
}

const LAST = Buffer.from(LAST_CHUNK);

function unchunk(body: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16);
    if (!(size > 0)) break;
    pieces.push(body.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
  return Buffer.concat(pieces);
}
