import { type Html, html } from '../simulated-stripe/pages/html.js';

/** What is shown of a message. */
interface Shown {
  to: string;
  text: string;
  /** ISO 8601. */
  receivedAt: string;
}

const REFRESH_SECONDS = 2;

/** Everybody's phone at once: the messages, newest first. */
export function phonePage(newestFirst: readonly Shown[]): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="refresh" content="${REFRESH_SECONDS}" />
        <title>Messages - simulated phone</title>
        <style>
          :root {
            color-scheme: light dark;
          }
          body {
            margin: 0 auto;
            padding: 1rem;
            max-width: 26rem;
            font:
              1rem/1.5 system-ui,
              sans-serif;
          }
          .note {
            padding: 0.75rem 1rem;
            border: 1px solid #b45309;
            border-radius: 0.5rem;
          }
          article {
            margin: 0 0 1rem;
            padding: 0.75rem 1rem;
            background: #8882;
            border-radius: 1rem;
          }
          p {
            margin: 0;
            overflow-wrap: anywhere;
          }
          small {
            opacity: 0.75;
          }
        </style>
      </head>
      <body>
        <p class="note">
          <strong>This is a simulation.</strong> Messages to every number arrive here and nowhere else.
        </p>
        <h1>Messages</h1>
        ${newestFirst.length > 0 ? newestFirst.map(bubble) : html`<p>None yet. Ask for a code with <code>POST /v1/auth/send-otp</code>.</p>`}
      </body>
    </html> `.markup;
}

function bubble({ to, text, receivedAt }: Shown): Html {
  return html`<article>
    <small>To ${to}, <time datetime="${receivedAt}">${receivedAt.slice(11, 19)} UTC</time></small>
    <p>${text}</p>
  </article>`;
}
