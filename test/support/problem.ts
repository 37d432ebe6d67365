import { expect } from '@jest/globals';
import type { Answer, Problem } from './api.js';

const MEMBERS = ['type', 'title', 'status', 'detail', 'code', 'errors', 'requestId'];

/** Asserts that an answer is a problem document with everything that every one of them promises, and returns it. */
export function theProblem(answer: Answer<unknown>, status: number, code: string): Problem {
  expect(answer).toMatchObject({ status, body: { code } });
  return anyProblem(answer);
}

/** As `theProblem`, for whatever was refused with whatever code. */
export function anyProblem(answer: Answer<unknown>): Problem {
  const problem = answer.body as Problem;
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(problem).toEqual({
    ...problem,
    type: `urn:problem:${problem.code.toLowerCase().replaceAll('_', '-')}`,
    title: expect.stringMatching(/\S/),
    status: answer.status,
    code: expect.stringMatching(/^[A-Z_]+$/),
    requestId: answer.headers.get('x-request-id'),
  });
  expect(MEMBERS).toEqual(expect.arrayContaining(Object.keys(problem)));
  return problem;
}

/** The fields that a refused request is told about. */
export const pathsOf = (problem: Problem): string[] => [
  ...new Set((problem.errors ?? []).map(({ path }) => path)),
];
