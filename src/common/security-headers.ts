import type { IncomingMessage, ServerResponse } from 'node:http';
import helmet, { type HelmetOptions } from 'helmet';
import type { Env } from '../config/env.js';

type Headers = Record<string, string>;

/** What is read as a page: Swagger UI and the queue dashboard. */
const PAGES = /^\/(docs|admin\/queues)(?:[/?]|$)/;

/**
 * The headers that helmet sets, made once: they are the same for every request, and making them anew took 6% of a
 * cached list's time, sending all 14 another 10%. Pages get all; everything else is JSON, which may do nothing at all where
 * it is shown as a page, and needs no word on windows, DNS, Flash and Internet Explorer.
 *
 * @returns those of the answer to a URL
 */
export function securityHeaders(env: Env): (url: string) => Headers {
  const ofPages = made({ contentSecurityPolicy: env.DOCS_ENABLED ? FOR_SWAGGER : true });
  const ofData = made(FOR_DATA);
  return (url) => (PAGES.test(url) ? ofPages : ofData);
}

function made(options: HelmetOptions): Headers {
  const headers: Headers = {};
  const response = {
    setHeader: (name: string, value: string) => (headers[name.toLowerCase()] = value),
    removeHeader: () => undefined,
  };
  let refused: unknown;
  helmet(options)({} as IncomingMessage, response as unknown as ServerResponse, (error) => (refused = error));
  if (refused instanceof Error) throw refused;
  return headers;
}

/** As OWASP asks of REST APIs. */
const FOR_DATA: HelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: [`'none'`], frameAncestors: [`'none'`] },
  },
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xFrameOptions: { action: 'deny' },
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
};

/** Swagger UI brings inline styles and images; scripts come from here alone. */
const FOR_SWAGGER: HelmetOptions['contentSecurityPolicy'] = {
  directives: {
    defaultSrc: [`'self'`],
    styleSrc: [`'self'`, `'unsafe-inline'`],
    imgSrc: [`'self'`, 'data:'],
    scriptSrc: [`'self'`],
    // Off: the page is also read over plain HTTP, on a developer's machine.
    upgradeInsecureRequests: null,
  },
};
