import { GoogleGenerativeAI } from '@google/generative-ai';
import { describe, expect, it } from '@jest/globals';
import { clip } from './reply.js';
import { answerOf, conversation, gemini, model, post, streamed, useSimulatedGemini } from './spec-support.js';

useSimulatedGemini();

describe('answers', () => {
  it('quotes the newest message, counts the turns and says what it is', async () => {
    const { response } = await model.generateContent('Bonjour à tous 🎈');
    const text = answerOf([response]);
    expect(text).toContain('You said: “Bonjour à tous 🎈”');
    expect(text).toContain('1 turn of');
    expect(text).toContain('GEMINI_API_KEY');
    expect(response.candidates?.[0]?.finishReason).toBe('STOP');
  });

  it('streams the same text as it sends at once, thoughts apart', async () => {
    const chunks = await streamed('Tell me something 🎈'.repeat(30));
    const { response } = await model.generateContent('Tell me something 🎈'.repeat(30));
    expect(answerOf(chunks)).toBe(answerOf([response]));
    expect(answerOf(chunks)).not.toContain('Reading the conversation');
    expect(chunks[0]?.candidates?.[0]?.content.parts).toEqual([]);
    expect(chunks[1]?.candidates?.[0]?.content.parts).toEqual([expect.objectContaining({ thought: true })]);
    expect(chunks.length).toBeGreaterThan(8);
  });

  it('finishes a stream with the finish reason, the counts and no text', async () => {
    const chunks = await streamed('hello');
    const last = chunks.at(-1);
    expect(chunks.slice(0, -1).map((chunk) => chunk.candidates?.[0]?.finishReason)).not.toContain('STOP');
    expect(last?.candidates?.[0]).toEqual({
      content: { role: 'model', parts: [{ thoughtSignature: expect.any(String) }] },
      finishReason: 'STOP',
      index: 0,
    });
    const usage = last?.usageMetadata as unknown as Record<string, number>;
    expect(usage).toMatchObject({ promptTokenCount: 2 });
    expect(usage['totalTokenCount']).toBe(
      2 + (usage['candidatesTokenCount'] ?? NaN) + (usage['thoughtsTokenCount'] ?? NaN),
    );
    expect(last).toMatchObject({ modelVersion: 'gemini-3.8-flash', responseId: expect.any(String) });
  });

  it.each([
    ['what did I say first?', 'The first thing you said was: “my name is Ada. Hi!”'],
    ['What was my first message', 'The first thing you said was: “my name is Ada. Hi!”'],
    ['what is my name?', 'Your name is Ada.'],
    ["What's my favorite color?", 'Your favorite color is teal.'],
    [
      'what is my favourite food?',
      'You have not told me your favourite food in the messages that I received.',
    ],
    ['Write a title for this conversation: two to six words.', 'my name is Ada. Hi!'],
    ['What did I just say?', 'Before this you said: “My favourite colour is teal!”'],
  ])('answers %j from the conversation it received', async (question, expected) => {
    const contents = conversation(
      'my name is Ada. Hi!',
      'my favourite colour is green',
      'My favourite colour is teal!',
      question,
    );
    expect(answerOf([(await model.generateContent({ contents })).response])).toBe(expected);
  });

  it('knows only what was sent with this call', async () => {
    await model.generateContent('my name is Ada');
    expect(answerOf([(await model.generateContent('what is my name')).response])).toMatch(/not told me/);
  });

  it('shows the system instruction', async () => {
    const pirate = new GoogleGenerativeAI('a-key').getGenerativeModel(
      { model: 'gemini-3.8-flash', systemInstruction: 'Talk like a pirate' },
      { baseUrl: gemini.url },
    );
    expect(answerOf([(await pirate.generateContent('hi')).response])).toContain(
      'Following the instruction: “Talk like a pirate”',
    );
  });

  it('cuts the answer short at maxOutputTokens', async () => {
    const contents = conversation('hello');
    const { response } = await model.generateContent({ contents, generationConfig: { maxOutputTokens: 5 } });
    expect(response.candidates?.[0]?.finishReason).toBe('MAX_TOKENS');
    expect(answerOf([response]).length).toBeLessThanOrEqual(20);
  });

  it('never splits a surrogate pair when it quotes', async () => {
    expect(clip('a🎈b', 2)).toBe('a');
    expect(clip('a🎈b', 3)).toBe('a🎈');
    expect(clip('a🎈', 3)).toBe('a🎈');
    const { response } = await model.generateContent('a' + '🎈'.repeat(300));
    expect(answerOf([response])).toContain(`“a${'🎈'.repeat(99)}…”`);
  });

  it('counts tokens', async () => {
    expect((await model.countTokens('four')).totalTokens).toBe(1);
    const response = await post('gemini-x:countTokens', { contents: conversation('12345678', 'x') });
    expect(await response.json()).toMatchObject({ totalTokens: 2 + 1 + 1 });
  });
});
