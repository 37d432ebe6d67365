import { textOf, type Prompt } from './request.js';

/** UTF-16 code units of a message, or of an instruction, that are quoted in a reply. */
const QUOTE_LENGTH = 200;
/** Words of the first message that make a title. */
const TITLE_WORDS = 6;

interface Rule {
  asks: RegExp;
  answer(earlier: readonly string[], asked: string): string;
}

/** Questions that only the conversation itself can answer: whoever forgets to send it is seen to. */
const RULES: readonly Rule[] = [
  {
    asks: /title for this conversation/i,
    answer: ([first = '']) => firstWords(first) || 'Untitled',
  },
  {
    asks: /what (?:did i say first|was (?:my first message|the first thing i said))/i,
    answer: ([first]) =>
      first === undefined
        ? 'This is the first message that I received.'
        : `The first thing you said was: “${quote(first)}”`,
  },
  {
    asks: /what (?:did i (?:just say|say (?:before|last))|was my (?:last|previous) message)/i,
    answer: (earlier) =>
      earlier.length === 0
        ? 'This is the first message that I received.'
        : `Before this you said: “${quote(earlier.at(-1) ?? '')}”`,
  },
  {
    // "What is my name?" after "my name is Ada"; any few words can stand in place of "name".
    asks: /what(?:'s|’s| is) my ((?:\p{L}+ ){0,3}\p{L}+)/iu,
    answer: (earlier, asked) => {
      const told = new RegExp(`\\bmy ${sameSpelling(asked)} is ([^.,;!?\\n]{1,80})`, 'iu');
      const value = earlier.map((text) => told.exec(sameSpelling(text))?.[1]?.trim()).findLast(Boolean);
      return value === undefined
        ? `You have not told me your ${asked} in the messages that I received.`
        : `Your ${asked} is ${value}.`;
    },
  },
];

/** The same prompt always gets the same reply, made from nothing but what was received. */
export function replyTo(prompt: Prompt): string {
  const said = prompt.contents.filter((content) => content.role !== 'model').map(textOf);
  const newest = said.at(-1) ?? '';
  const instruction = prompt.systemInstruction
    ? ` Following the instruction: “${quote(prompt.systemInstruction)}”`
    : '';
  for (const rule of RULES) {
    const match = rule.asks.exec(newest);
    if (match) return rule.answer(said.slice(0, -1), match[1] ?? '') + instruction;
  }
  const turns = prompt.contents.length;
  return (
    `You said: “${quote(newest)}” 👋 I received ${turns} ${turns === 1 ? 'turn' : 'turns'} of this conversation. ` +
    'This is a simulation of Gemini on your own machine, très simple: set GEMINI_API_KEY to talk to the real one.' +
    instruction
  );
}

/** The first `length` UTF-16 code units, or one less where that would split a surrogate pair. */
export function clip(text: string, length: number): string {
  const splitsPair = /[\uD800-\uDBFF]/.test(text.charAt(length - 1)) && length < text.length;
  return text.slice(0, splitsPair ? length - 1 : length);
}

function quote(text: string): string {
  const trimmed = text.trim();
  return trimmed.length > QUOTE_LENGTH ? `${clip(trimmed, QUOTE_LENGTH)}…` : trimmed;
}

/** Without what asks for failures. */
function firstWords(text: string): string {
  const words = text
    .replace(/\[\[.*?\]\]/g, ' ')
    .trim()
    .split(/\s+/);
  return clip(words.slice(0, TITLE_WORDS).join(' '), QUOTE_LENGTH);
}

/** American spelling of the words people ask about most, so that either finds the other. */
function sameSpelling(text: string): string {
  return text.replace(/\b(fav|col)our/gi, '$1or');
}
