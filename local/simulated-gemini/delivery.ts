import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Answer } from './faults.js';
import type { Refusal } from './wire.js';

/** Long enough for a client to read what was sent before it hears that the connection broke. */
const BEFORE_RESET_MS = 20;

export interface Pace {
  /** Milliseconds before the first byte. */
  firstTokenMs: number;
  /** Milliseconds between chunks of a few words. */
  chunkMs: number;
  /** Some socket writes end inside a frame, or inside a character, as a network may have it. */
  cutsWrites: boolean;
}

/** Node keeps timers of the same length in one list, so a thousand that wait the same time cost little. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

export function sendRefusal(response: ServerResponse, refusal: Refusal): void {
  response.writeHead(refusal.status, {
    'content-type': refusal.contentType,
    'content-length': Buffer.byteLength(refusal.body),
  });
  response.end(refusal.body);
}

/** Sends a whole JSON document, or the first half of it where the answer does not end well. */
export async function sendJson(
  response: ServerResponse,
  json: string,
  ending: Answer['ending'],
): Promise<void> {
  const bytes = Buffer.from(json);
  response.writeHead(200, { 'content-type': 'application/json; charset=UTF-8' });
  if (ending === 'complete') response.end(bytes);
  else await endBadly(response, bytes.subarray(0, bytes.length / 2), ending);
}

/**
 * Sends server-sent events. The first socket write holds more than one frame; where writes are cut it is always at the same
 * places for the same answer.
 *
 * @param frames at least one
 * @param pace read again before each chunk, so a change reaches streams under way
 */
export async function sendFrames(
  response: ServerResponse,
  frames: readonly string[],
  ending: Answer['ending'],
  pace: Readonly<Pace>,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const writes = [frames.slice(0, 2).join(''), ...frames.slice(2)].map((text) => Buffer.from(text));
  for (const [index, bytes] of writes.entries()) {
    if (index > 0 && pace.chunkMs > 0) await pause(pace.chunkMs);
    const cut = pace.cutsWrites ? cutPoint(bytes, index) : 0;
    if (cut > 0) {
      response.write(bytes.subarray(0, cut));
      await nextTurn();
    }
    if (response.destroyed) return;
    response.write(bytes.subarray(cut));
  }
  if (ending === 'complete') response.end();
  else await endBadly(response, Buffer.from('data: {"candidates": [{"content": {"parts"'), ending);
}

async function endBadly(
  response: ServerResponse,
  last: Uint8Array,
  ending: Exclude<Answer['ending'], 'complete'>,
): Promise<void> {
  if (ending === 'mid-frame') {
    response.end(last);
    return;
  }
  response.write(last);
  if (ending === 'stall') return;
  await pause(BEFORE_RESET_MS);
  response.destroy(new Error('connection reset on request'));
}

/** Where to cut a write in two: inside its first multi-byte character, else every fourth one in the middle; 0: nowhere. */
function cutPoint(bytes: Uint8Array, index: number): number {
  const insideCharacter = bytes.findIndex((byte) => (byte & 0b1100_0000) === 0b1000_0000);
  if (insideCharacter > 0) return insideCharacter;
  return index % 4 === 2 ? Math.floor(bytes.length / 2) : 0;
}
