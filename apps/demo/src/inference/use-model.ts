import { useCallback, useEffect, useRef, useState } from 'react';
import type { Dtype } from '@pocketlens/backend';
import { ModelClient } from './model-client.js';
import type { Capabilities, Device, ModelChoice, ModelInfo } from './protocol.js';

export type ModelStatus =
  | { readonly type: 'loading'; readonly loaded: number; readonly total: number }
  | { readonly type: 'ready'; readonly info: ModelInfo }
  | { readonly type: 'failed'; readonly error: Error };

export interface ModelWish {
  readonly choice: ModelChoice;
  readonly device: Device;
  readonly dtype: Dtype | 'auto';
  /** 0: what the backend finds fit. */
  readonly threads: number;
}

export interface OpenedClient {
  readonly client: ModelClient;
  readonly info: ModelInfo;
}

export interface ModelHandle {
  readonly status: ModelStatus;
  readonly capabilities: Capabilities | undefined;
  /** The model of the present wish; waits for it, and fails as it fails. */
  readonly whenReady: () => Promise<OpenedClient>;
}

/** Keeps the wished model open, each in a worker of its own: closing the worker gives all its memory back. */
export function useModel({ choice, device, dtype, threads }: ModelWish): ModelHandle {
  const [status, setStatus] = useState<ModelStatus>({ type: 'loading', loaded: 0, total: 0 });
  const [capabilities, setCapabilities] = useState<Capabilities>();
  const ready = useRef<Deferred<OpenedClient>>(undefined);
  ready.current ??= defer();

  useEffect(() => {
    const client = new ModelClient();
    const waiting = ready.current ?? defer<OpenedClient>();
    const open = async (): Promise<ModelInfo> => {
      const offered = await client.probe();
      setCapabilities(offered);
      const engine = {
        device: offered.devices.includes(device) ? device : 'wasm',
        ...(dtype === 'auto' ? {} : { dtype }),
        ...(threads === 0 ? {} : { threads: Math.min(threads, offered.maxThreads) }),
      } as const;
      return client.open(choice, engine, (loaded, total) => setStatus({ type: 'loading', loaded, total }));
    };
    setStatus({ type: 'loading', loaded: 0, total: 0 });
    let isCurrent = true;
    void open().then(
      (info) => {
        if (!isCurrent) return;
        setStatus({ type: 'ready', info });
        waiting.resolve({ client, info });
      },
      (error: Error) => {
        if (!isCurrent) return;
        setStatus({ type: 'failed', error });
        waiting.reject(error);
      },
    );
    return () => {
      isCurrent = false;
      ready.current = defer();
      // Whoever waits for the old model gets the new one.
      void ready.current.promise.then(waiting.resolve, waiting.reject);
      client.dispose();
    };
  }, [choice, device, dtype, threads]);

  const whenReady = useCallback(() => (ready.current ??= defer()).promise, []);
  return { status, capabilities, whenReady };
}

interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: Error) => void;
}

/** `Promise.withResolvers`, which browsers of 2023 lack. A failure that nobody waits for is no error of the page. */
function defer<Value>(): Deferred<Value> {
  let resolve!: Deferred<Value>['resolve'];
  let reject!: Deferred<Value>['reject'];
  const promise = new Promise<Value>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
