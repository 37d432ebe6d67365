/** What a request is answered with. `body` is parsed JSON; the caller says what it expects there. */
export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
}

/** A problem document (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  code: string;
  errors?: { path: string; message: string }[];
  requestId: string;
}

export interface RequestOptions {
  token?: string | undefined;
  headers?: Record<string, string>;
}

/** HTTP to the application, as a client sees it. */
export class Api {
  constructor(readonly url: string) {}

  get<T = unknown>(path: string, options?: RequestOptions): Promise<Answer<T>> {
    return this.send<T>('GET', path, undefined, options);
  }

  post<T = unknown>(path: string, body?: unknown, options?: RequestOptions): Promise<Answer<T>> {
    return this.send<T>('POST', path, body, options);
  }

  patch<T = unknown>(path: string, body: unknown, options?: RequestOptions): Promise<Answer<T>> {
    return this.send<T>('PATCH', path, body, options);
  }

  put<T = unknown>(path: string, body: unknown, options?: RequestOptions): Promise<Answer<T>> {
    return this.send<T>('PUT', path, body, options);
  }

  delete<T = unknown>(path: string, options?: RequestOptions): Promise<Answer<T>> {
    return this.send<T>('DELETE', path, undefined, options);
  }

  /** @param body a string is sent as it is, anything else as JSON */
  async send<T>(
    method: string,
    path: string,
    body: unknown,
    options: RequestOptions = {},
  ): Promise<Answer<T>> {
    const response = await fetch(this.url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson && text !== '' ? JSON.parse(text) : text) as T,
    };
  }
}
