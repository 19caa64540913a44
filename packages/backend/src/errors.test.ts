import { describe, expect, it } from 'vitest';
import { AbortError, BackendError, isPocketlensError, PocketlensError, throwIfAborted } from './index.js';

describe('errors', () => {
  it('carry code, hint, details and cause', () => {
    const cause = new Error('native');
    const error = new BackendError('BACKEND_FAILED', 'step failed', {
      cause,
      hint: 'Try again.',
      details: { step: 3 },
    });
    expect(error).toMatchObject({
      name: 'BackendError',
      code: 'BACKEND_FAILED',
      hint: 'Try again.',
      details: { step: 3 },
    });
    expect(error.cause).toBe(cause);
    expect(error.isRetryable).toBe(false);
  });

  it('are recognised by brand, even from another copy of the package', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('pocketlens.error')]: true });
    expect(isPocketlensError(foreign)).toBe(true);
    expect(isPocketlensError(new PocketlensError('X', 'x'))).toBe(true);
    expect(isPocketlensError(new Error('x'))).toBe(false);
    expect(isPocketlensError({ [Symbol.for('pocketlens.error')]: true })).toBe(false);
  });

  it('turn an aborted signal into AbortError with the reason as cause', () => {
    const reason = new Error('user left');
    const signal = AbortSignal.abort(reason);
    expect(() => throwIfAborted(signal)).toThrowError(AbortError);
    const error = new AbortError(signal);
    expect([error.name, error.code, error.cause]).toEqual(['AbortError', 'ABORTED', reason]);
    expect(() => throwIfAborted(new AbortController().signal)).not.toThrow();
    expect(() => throwIfAborted(undefined)).not.toThrow();
  });
});
