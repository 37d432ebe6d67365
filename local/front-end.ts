import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FrontEndOptions {
  /** Any free one by default. Only 127.0.0.1 is bound. */
  port?: number;
  /** Where the API is, as a browser on this machine reaches it: `http://localhost:5000`. */
  apiUrl: string;
}

export interface FrontEnd {
  /** What the app is given as FRONTEND_URL. */
  url: string;
  close(): Promise<void>;
}

/**
 * Stands where a product has its front end: the pages that Stripe Checkout sends people back to. They have no script
 * and ask the API nothing; they say what happened and how to go on.
 *
 * @throws when the port is taken
 */
export async function startFrontEnd({ port = 0, apiUrl }: FrontEndOptions): Promise<FrontEnd> {
  const pages = pagesFor(apiUrl.replace(/\/+$/, ''));
  const server = createServer((request, response) => {
    const [path = '/'] = (request.url ?? '/').split('?', 1);
    const page = pages.get(path);
    response.writeHead(page ? 200 : 404, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    });
    response.end(page ?? markup('There is no such page', '<p><a href="/">Go on from here</a></p>'));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function pagesFor(apiUrl: string): Map<string, string> {
  const docs = `<a href="${apiUrl}/docs">Swagger UI</a>`;
  const checkout = '<code>POST /v1/billing/checkout</code>';
  const subscription = '<code>GET /v1/billing/subscription</code>';
  return new Map([
    ['/', markup('Chat', `<p>Try the API in its ${docs}.</p>`)],
    [
      '/billing/success',
      markup(
        'Thank you',
        `<p>You have paid. Stripe is telling the app now: in a moment ${subscription} shows the tier
        <strong>pro</strong>, and your prompts have no daily limit.</p><p>Go on in the ${docs}.</p>`,
      ),
    ],
    [
      '/billing/cancelled',
      markup(
        'Nothing was charged',
        `<p>You left the checkout, and your tier is what it was. ${checkout} opens a new one.</p><p>Go on in the ${docs}.</p>`,
      ),
    ],
  ]);
}

function markup(title: string, text: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${title}</title>
    <style>
      :root { color-scheme: light dark; }
      body { max-width: 26rem; margin: 0 auto; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; }
      .note { padding: .75rem 1rem; border: 1px solid #b45309; border-radius: .5rem; }
      h1 { font-size: 1.25rem; }
      code { overflow-wrap: anywhere; }
    </style>
  </head>
  <body>
    <p class="note"><strong>This is a stand-in.</strong> In your product, your own front end answers here:
      set <code>FRONTEND_URL</code>.</p>
    <main>
      <h1>${title}</h1>
      ${text}
    </main>
  </body>
</html>
`;
}
