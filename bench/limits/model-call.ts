import { Agent, request } from 'node:http';

/** Connections that rest go before the model closes them, which it does after 5 s: else one is asked just as it does. */
const agent = new Agent({ keepAlive: true, maxSockets: Infinity, timeout: 4000 });

interface Frame {
  candidates?: { content?: { parts?: { text?: string; thought?: boolean }[] } }[];
}

/** Asks the simulated model and gives its text away as it comes. */
export function askModel(base: string, prompt: string, onText: (text: string) => void): Promise<void> {
  const body = JSON.stringify({ contents: [{ role: 'user', parts: [{ text: prompt }] }] });
  const url = `${base}/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse`;
  return new Promise((resolve, reject) => {
    const call = request(url, { method: 'POST', agent, headers: { 'content-type': 'application/json' } });
    call.once('error', reject);
    call.once('response', (answer) => {
      let rest = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        const frames = (rest + chunk).split('\r\n\r\n');
        rest = frames.pop() ?? '';
        const text = frames.map(textOf).join('');
        if (text !== '') onText(text);
      });
      answer.once('error', reject).once('end', () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`The model answered ${String(answer.statusCode)}`));
      });
    });
    call.end(body);
  });
}

function textOf(frame: string): string {
  const { candidates } = JSON.parse(frame.replace(/^data: /, '')) as Frame;
  return (candidates?.[0]?.content?.parts ?? [])
    .map(({ text, thought }) => (thought ? '' : (text ?? '')))
    .join('');
}
