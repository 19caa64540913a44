import type { BackendModelV1, BackendV1, SequenceV1 } from '@pocketlens/backend';

/** What a broken backend does otherwise than the one below it. */
export interface Fault {
  readonly backend?: (inner: BackendV1) => Partial<BackendV1>;
  readonly model?: (inner: BackendModelV1) => Partial<BackendModelV1>;
  /** `self` is the sequence with the fault. */
  readonly sequence?: (inner: SequenceV1, model: BackendModelV1) => Partial<SequenceV1>;
}

/** A backend that is sound but for one fault. */
export function broken(inner: BackendV1, fault: Fault): BackendV1 {
  const wrapSequence = (sequence: SequenceV1, model: BackendModelV1): SequenceV1 =>
    // One over the other, not spread: a fault may have getters.
    override(
      override(sequence, { fork: () => wrapSequence(sequence.fork(), model) }),
      fault.sequence?.(sequence, model) ?? {},
    );
  return override(inner, {
    loadModel: async (source, options) => {
      const model = await inner.loadModel(source, options);
      return override(model, {
        createSequence: (own) => wrapSequence(model.createSequence(own), model),
        ...fault.model?.(model),
      });
    },
    ...fault.backend?.(inner),
  });
}

/** The object with some members replaced; those of a class keep their `this`. */
function override<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get: (_, key) => {
      if (Object.hasOwn(changes, key)) return Reflect.get(changes, key) as unknown;
      const value = Reflect.get(target, key, target) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
