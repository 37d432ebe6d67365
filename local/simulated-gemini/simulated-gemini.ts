import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pause, sendFrames, sendJson, sendRefusal, type Pace } from './delivery.js';
import { DirectiveReader } from './directives.js';
import { behaviourOf, complete, type Answer, type Behaviour, type Fault } from './faults.js';
import { clip, replyTo } from './reply.js';
import {
  checkKey,
  checkModel,
  parseJson,
  promptOf,
  readBody,
  targetOf,
  textOf,
  type Prompt,
  type Target,
} from './request.js';
import { CHARACTERS_PER_TOKEN, promptTokens, streamedResponses, toFrame, unaryResponse } from './response.js';
import { ApiError, toJson, type GeminiMethod, type RequestBody } from './wire.js';

const MAX_RECORDED_REQUESTS = 10_000;
/** Connections that may wait to be accepted: a load test opens a thousand at once. */
const BACKLOG = 4_096;

export interface SimulatedGeminiOptions {
  /** 0 (default): any free port. Always bound to 127.0.0.1. */
  port?: number;
  /** When given, calls need it as `x-goog-api-key`. */
  apiKey?: string;
  /** Milliseconds before the first byte of an answer; 400 unless given, which suits people. */
  firstTokenMs?: number;
  /** Milliseconds between chunks of a few words; 40 unless given. */
  chunkMs?: number;
  /** Some socket writes end inside a frame, or inside a character; true unless given. */
  cutsWrites?: boolean;
}

export interface RecordedRequest {
  readonly model: string;
  readonly method: GeminiMethod;
  /** As sent; `{}` when it was not a JSON object. */
  readonly body: RequestBody;
  /** Milliseconds since 1970 when the body had arrived. */
  readonly at: number;
  /** The client went away before it had its whole answer. */
  readonly aborted: boolean;
}

export interface SimulatedGemini {
  /** `http://127.0.0.1:PORT`, for the SDK's `baseUrl`. */
  readonly url: string;
  /** Calls to a model's methods, refused ones too; the newest last; the last 10,000. */
  readonly requests: readonly RecordedRequest[];
  /** Calls being answered now. */
  readonly openRequests: number;
  /** The most that were being answered at once. */
  readonly maxOpenRequests: number;
  /**
   * The next `times` (1 unless given, may be Infinity) generating calls, of `model` where one is given, do this,
   * whatever they say. Faults queue up.
   */
  misbehave(fault: Fault, times?: number, model?: string): void;
  /** Forgets every fault still to come from `misbehave`. */
  behave(): void;
  /** Changes the pace from now on; `chunkMs` also that of streams under way. */
  pace(pace: Partial<Pace>): void;
  /** Calls whose newest message says `words` are answered (or refused) only once the function is called that this returns. */
  hold(words: string): () => void;
  /** Breaks every connection and stops listening. */
  close(): Promise<void>;
}

/** Starts a stand-in for Google's Gemini REST API (v1beta). What a person can type to see failures: DIRECTIVES. */
export async function startSimulatedGemini(options: SimulatedGeminiOptions = {}): Promise<SimulatedGemini> {
  const simulation = new Simulation(options);
  const server = createServer((request, response) => void simulation.handle(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: options.port ?? 0, host: '127.0.0.1', backlog: BACKLOG }, resolve);
  });
  simulation.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  simulation.close = () =>
    new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
      server.closeAllConnections();
    });
  return simulation;
}

class Simulation implements SimulatedGemini {
  url = '';
  close!: () => Promise<void>;
  readonly requests: { -readonly [K in keyof RecordedRequest]: RecordedRequest[K] }[] = [];
  openRequests = 0;
  maxOpenRequests = 0;
  private readonly pacing: Pace;
  private readonly faults: { fault: Fault; left: number; model: string | undefined }[] = [];
  private readonly directives = new DirectiveReader();
  private answered = 0;
  private held: { words: string; until: Promise<void> } | undefined;

  constructor(private readonly options: SimulatedGeminiOptions) {
    const { firstTokenMs = 400, chunkMs = 40, cutsWrites = true } = options;
    this.pacing = { firstTokenMs, chunkMs, cutsWrites };
  }

  misbehave(fault: Fault, times = 1, model?: string): void {
    if (times > 0) this.faults.push({ fault, left: times, model });
  }

  behave(): void {
    this.faults.length = 0;
  }

  pace(pace: Partial<Pace>): void {
    Object.assign(this.pacing, pace);
  }

  hold(words: string): () => void {
    let release: () => void = () => undefined;
    this.held = { words, until: new Promise((resolve) => (release = resolve)) };
    return () => {
      this.held = undefined;
      release();
    };
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.openRequests += 1;
    this.maxOpenRequests = Math.max(this.maxOpenRequests, this.openRequests);
    response.once('close', () => (this.openRequests -= 1));
    try {
      const target = targetOf(request);
      const text = await readBody(request);
      const body = this.record(target, text, response);
      checkKey(request, this.options.apiKey);
      checkModel(target);
      const prompt = promptOf(target.method, body ?? parseJson(text));
      if (target.method === 'countTokens') await sendJson(response, countOf(prompt), 'complete');
      else await this.generate(target, prompt, response);
    } catch (error) {
      if (response.destroyed) return;
      const refusal = error instanceof ApiError ? error : new ApiError(500, 'INTERNAL', String(error));
      sendRefusal(response, refusal.toRefusal());
    }
  }

  /** @returns the body, or undefined when it is not a JSON object */
  private record(target: Target, text: string, response: ServerResponse): RequestBody | undefined {
    let body: RequestBody | undefined;
    try {
      body = parseJson(text);
    } catch {
      // Refused once the key and the model have been checked.
    }
    const { model, method } = target;
    const entry = { model, method, body: body ?? {}, at: Date.now(), aborted: false };
    this.requests.push(entry);
    if (this.requests.length > MAX_RECORDED_REQUESTS) this.requests.shift();
    response.once('close', () => {
      entry.aborted = !response.writableFinished && !response.errored;
    });
    return body;
  }

  private async generate(target: Target, prompt: Prompt, response: ServerResponse): Promise<void> {
    const behaviour = this.behaviourFor(target, prompt);
    if (behaviour === 'hang') return;
    const newest = prompt.contents.at(-1);
    if (this.held && newest && textOf(newest).includes(this.held.words)) await this.held.until;
    if ('refusal' in behaviour) {
      if (!response.destroyed) sendRefusal(response, behaviour.refusal);
      return;
    }
    const { answer } = behaviour;
    const waitMs = answer.waitMs ?? this.pacing.firstTokenMs;
    if (waitMs > 0) await pause(waitMs);
    if (!response.destroyed) await this.deliver(target, answer, prompt, response);
  }

  private async deliver(
    target: Target,
    answer: Answer,
    prompt: Prompt,
    response: ServerResponse,
  ): Promise<void> {
    this.answered += 1;
    const envelope = { modelVersion: target.model, responseId: `simulated-${this.answered}` };
    if (target.method === 'generateContent') {
      if (answer.error) throw new ApiError(answer.error.code, answer.error.status, answer.error.message);
      await sendJson(response, toJson(unaryResponse(answer, prompt, envelope)), answer.ending);
      return;
    }
    const responses = streamedResponses(answer, prompt, envelope);
    if (target.sse) await sendFrames(response, responses.map(toFrame), answer.ending, this.pacing);
    else await sendJson(response, toJson(responses), answer.ending);
  }

  private behaviourFor(target: Target, prompt: Prompt): Behaviour {
    const reply = replyTo(prompt);
    const fault = this.nextFault(target.model) ?? this.directives.faultFor(prompt.contents);
    if (fault) return behaviourOf(fault, reply, target.model);
    const limit = (prompt.maxOutputTokens ?? Infinity) * CHARACTERS_PER_TOKEN;
    return {
      answer: reply.length > limit ? complete(clip(reply, limit), 'MAX_TOKENS') : complete(reply, 'STOP'),
    };
  }

  private nextFault(model: string): Fault | undefined {
    const next = this.faults.find((fault) => fault.model === undefined || fault.model === model);
    if (!next) return undefined;
    next.left -= 1;
    if (next.left <= 0) this.faults.splice(this.faults.indexOf(next), 1);
    return next.fault;
  }
}

function countOf(prompt: Prompt): string {
  const totalTokens = promptTokens(prompt);
  return toJson({ totalTokens, promptTokensDetails: [{ modality: 'TEXT', tokenCount: totalTokens }] });
}
