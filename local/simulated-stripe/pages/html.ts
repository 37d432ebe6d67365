import type { Answer } from '../http.js';

/** Markup that is safe to send: made by `html` alone, which escapes every string put into it. */
export class Html {
  constructor(readonly markup: string) {}
}

type Part = string | number | Html | Html[];

export function html(literals: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(
    literals.reduce((markup, literal, index) => markup + render(parts[index - 1] ?? '') + literal),
  );
}

function render(part: Part): string {
  if (part instanceof Html) return part.markup;
  if (Array.isArray(part)) return part.map((each) => each.markup).join('');
  return escape(String(part));
}

const ESCAPES = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&#39;'],
]);

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES.get(character) ?? character);
}

const STYLE = new Html(`
  :root { color-scheme: light dark; --line: #8885; --main: #4f46e5; }
  * { box-sizing: border-box; }
  body { margin: 0; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; }
  main { max-width: 26rem; margin: 0 auto; }
  main.wide { max-width: 48rem; }
  .note { margin: 0 0 1.5rem; padding: .75rem 1rem; border: 1px solid #b45309; border-radius: .5rem; }
  .card { margin: 0 0 1rem; padding: 1.25rem; border: 1px solid var(--line); border-radius: .75rem; }
  h1 { margin: 0 0 .5rem; font-size: 1.25rem; }
  h2 { margin: 0; font-size: 1rem; overflow-wrap: anywhere; }
  p { margin: .25rem 0; overflow-wrap: anywhere; }
  .price { font-size: 2rem; font-weight: 600; }
  .alert { color: #b91c1c; font-weight: 600; }
  @media (prefers-color-scheme: dark) { .alert { color: #fca5a5; } }
  .actions { display: flex; flex-wrap: wrap; gap: .5rem; margin-top: 1rem; }
  .actions form { flex: 1 1 10rem; }
  input { min-height: 2.75rem; padding: .5rem; font: inherit; width: 100%; }
  button { width: 100%; min-height: 2.75rem; padding: .5rem 1rem; font: inherit; cursor: pointer;
    color: inherit; background: transparent; border: 1px solid var(--line); border-radius: .5rem; }
  button.main { color: #fff; background: var(--main); border-color: var(--main); }
  button:focus-visible { outline: 3px solid var(--main); outline-offset: 2px; }
`);

export interface PageContent {
  title: string;
  /** What a person must know before they touch anything. */
  note: string;
  main: Html;
  wide?: boolean;
}

export function page(status: number, { title, note, main, wide = false }: PageContent): Answer {
  const { markup } = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} - simulated Stripe</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        <main class="${wide ? 'wide' : 'narrow'}">
          <p class="note"><strong>This is a simulation.</strong> ${note}</p>
          ${main}
        </main>
      </body>
    </html> `;
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      // No form-action: browsers apply it to the redirect after a form too, and that one leads to the app.
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    },
    body: markup,
  };
}

/** 303: whatever was POSTed, the browser GETs the next page, and reloading that repeats nothing. */
export function redirect(url: string): Answer {
  return { status: 303, headers: { location: url }, body: '' };
}

/** Percent-encoded, as a header has to be. */
export function asLocation(url: string): string {
  return URL.canParse(url) ? new URL(url).href : '/';
}

export function button(action: string, label: string, kind: 'main' | 'plain' = 'plain'): Html {
  return html`<form method="post" action="${action}">
    <button class="${kind}" type="submit">${label}</button>
  </form>`;
}

export function money(amount: number, currency: string): string {
  // Every currency here has cents.
  return new Intl.NumberFormat('en-US', { style: 'currency', currency }).format(amount / 100);
}

export function day(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}
