import 'reflect-metadata';

const OPTIONAL = Symbol('optional body');

/** On a request class: a request without any body counts as `{}`. */
export const OptionalBody = (): ClassDecorator => (target) => {
  Reflect.defineMetadata(OPTIONAL, true, target);
};

export const isOptionalBody = (type: unknown): boolean =>
  typeof type === 'function' && Reflect.hasMetadata(OPTIONAL, type);
