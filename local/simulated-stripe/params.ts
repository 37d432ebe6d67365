import qs from 'qs';
import { invalidRequest } from './stripe-api-error.js';

const LARGEST_ARRAY = 100;

/**
 * The parameters of one request, from the query and the form body: `metadata[plan]=pro&line_items[0][price]=price_1`.
 * Throws Stripe's 400 when one is missing or malformed. An empty value means "unset", as it does at Stripe.
 */
export class Params {
  static parse(query: string, body: string): Params {
    return new Params(
      qs.parse([query, body].filter(Boolean).join('&'), { depth: 10, arrayLimit: LARGEST_ARRAY }),
    );
  }

  private constructor(
    private readonly values: qs.ParsedQs,
    private readonly prefix = '',
  ) {}

  /** Ignoring a parameter would let the app believe that it works, so one that is not in `known` is refused. */
  allowOnly(known: readonly string[]): void {
    const unknown = Object.keys(this.values).find((name) => !known.includes(name));
    if (unknown === undefined) return;
    throw invalidRequest(
      `Received unknown parameter: ${this.path(unknown)} (unknown to Stripe, or not yet to the simulated one)`,
      this.path(unknown),
      'parameter_unknown',
    );
  }

  text(name: string): string | undefined {
    const value = this.values[name];
    if (value === undefined || typeof value === 'string') return value;
    throw invalidRequest(`Invalid string: ${this.path(name)}`, this.path(name));
  }

  requiredText(name: string): string {
    const value = this.text(name);
    if (value) return value;
    throw invalidRequest(`Missing required param: ${this.path(name)}.`, this.path(name), 'parameter_missing');
  }

  /** Stripe's own rule for the pages a person is sent to: an absolute http(s) address. */
  url(name: string): string | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
    throw invalidRequest('Not a valid URL', this.path(name), 'url_invalid');
  }

  integer(name: string, min: number, max: number): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (Number.isInteger(number) && number >= min && number <= max) return number;
    throw invalidRequest(`Invalid integer: ${value}. Must be ${min} to ${max}.`, this.path(name));
  }

  flag(name: string): boolean | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (value === 'true' || value === 'false') return value === 'true';
    throw invalidRequest(`Invalid boolean: ${value}`, this.path(name));
  }

  oneOf<Value extends string>(name: string, values: readonly Value[]): Value | undefined {
    const sent = this.text(name);
    const value = values.find((each) => each === sent);
    if (!sent || value !== undefined) return value;
    throw invalidRequest(`Invalid ${this.path(name)}: must be one of ${values.join(', ')}`, this.path(name));
  }

  texts(name: string): string[] | undefined {
    const value = this.values[name];
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
    throw invalidRequest('Invalid array', this.path(name));
  }

  isNested(name: string): boolean {
    return typeof this.values[name] === 'object';
  }

  nested(name: string): Params {
    const value = this.values[name];
    if (value === undefined) return new Params({}, this.path(name));
    if (typeof value === 'object' && !Array.isArray(value)) return new Params(value, this.path(name));
    throw invalidRequest(`Invalid object: ${this.path(name)}`, this.path(name));
  }

  list(name: string): Params[] {
    const value = this.values[name] ?? [];
    if (!Array.isArray(value)) throw invalidRequest('Invalid array', this.path(name));
    return value.map((item, index) => {
      const path = `${this.path(name)}[${index}]`;
      if (typeof item === 'string') throw invalidRequest('Invalid object', path);
      return new Params(item, path);
    });
  }

  /** What `current` becomes: sent keys are merged in, a key sent empty is removed, `metadata=` removes all. */
  mergedMetadata(current: Record<string, string>): Record<string, string> {
    if (this.values.metadata === '') return {};
    const sent = this.nested('metadata');
    const merged = new Map(Object.entries(current));
    for (const key of Object.keys(sent.values)) {
      const value = sent.text(key);
      if (value) merged.set(key, value);
      else merged.delete(key);
    }
    return Object.fromEntries(merged);
  }

  private path(name: string): string {
    return this.prefix ? `${this.prefix}[${name}]` : name;
  }
}
