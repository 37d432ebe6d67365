import type { Answer } from './faults.js';
import { textOf, type Prompt } from './request.js';
import { toJson, type GenerateResponse, type Part, type UsageMetadata } from './wire.js';

/** Roughly what a token is in English text. */
export const CHARACTERS_PER_TOKEN = 4;
const THOUGHT = '**Reading the conversation** I weigh what was said… and answer from it.';
const SIGNATURE = 'c2ltdWxhdGVkIHRob3VnaHQgc2lnbmF0dXJl';

/** What all responses to one call share. */
export interface Envelope {
  modelVersion: string;
  responseId: string;
}

export function promptTokens(prompt: Prompt): number {
  return tokens(prompt.systemInstruction) + prompt.contents.reduce((sum, c) => sum + tokens(textOf(c)), 0);
}

/** The one response of `generateContent`. */
export function unaryResponse(answer: Answer, prompt: Prompt, envelope: Envelope): GenerateResponse {
  if (answer.blockReason) return blocked(answer.blockReason, prompt, envelope);
  const parts: Part[] = [{ text: THOUGHT, thought: true }];
  if (answer.text) parts.push({ text: answer.text, thoughtSignature: SIGNATURE });
  return {
    ...candidate(parts, answer.finishReason),
    usageMetadata: usage(prompt, answer.text),
    ...envelope,
  };
}

/**
 * The responses of `streamGenerateContent`, in order: one with no parts, one with a thought, the text a few words at a time,
 * and a last one with the finish reason, the counts and nothing to read.
 */
export function streamedResponses(answer: Answer, prompt: Prompt, envelope: Envelope): GenerateResponse[] {
  if (answer.blockReason) return [blocked(answer.blockReason, prompt, envelope)];
  const promptTokenCount = promptTokens(prompt);
  const responses: GenerateResponse[] = [
    {
      ...candidate([]),
      usageMetadata: { promptTokenCount, totalTokenCount: promptTokenCount },
      ...envelope,
    },
    { ...candidate([{ text: THOUGHT, thought: true }]), ...envelope },
    ...fewWords(answer.text).map((text) => ({ ...candidate([{ text }]), ...envelope })),
  ];
  if (answer.error) responses.push({ error: answer.error });
  if (answer.finishReason !== undefined) {
    responses.push({
      ...candidate([{ thoughtSignature: SIGNATURE }], answer.finishReason),
      usageMetadata: usage(prompt, answer.text),
      ...envelope,
    });
  }
  return responses;
}

export function toFrame(response: GenerateResponse): string {
  return `data: ${toJson(response)}\r\n\r\n`;
}

function candidate(parts: Part[], finishReason?: string): GenerateResponse {
  return {
    candidates: [
      { content: { role: 'model', parts }, ...(finishReason !== undefined && { finishReason }), index: 0 },
    ],
  };
}

function blocked(blockReason: string, prompt: Prompt, envelope: Envelope): GenerateResponse {
  const promptTokenCount = promptTokens(prompt);
  return {
    promptFeedback: { blockReason },
    usageMetadata: { promptTokenCount, totalTokenCount: promptTokenCount },
    ...envelope,
  };
}

function usage(prompt: Prompt, text: string): UsageMetadata {
  const promptTokenCount = promptTokens(prompt);
  const candidatesTokenCount = tokens(text);
  const thoughtsTokenCount = tokens(THOUGHT);
  const totalTokenCount = promptTokenCount + candidatesTokenCount + thoughtsTokenCount;
  return { promptTokenCount, candidatesTokenCount, thoughtsTokenCount, totalTokenCount };
}

function tokens(text: string): number {
  return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
}

/** The text in pieces of up to three words that join to it again. */
function fewWords(text: string): string[] {
  return text.match(/\s*(?:\S+\s*){1,3}/g) ?? [];
}
