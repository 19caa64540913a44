import { assertInteger, InvalidArgumentError } from './errors.js';

/** An 8-bit RGB picture, row-major, channels interleaved. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3], values 0..255. */
  readonly data: Uint8Array;
}

/** Something worth telling the user that is not an error. */
export interface ImageWarning {
  readonly code: 'IMAGE_ASPECT_RATIO' | 'IMAGE_FIRST_FRAME_ONLY' | 'IMAGE_TRUNCATED';
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * Checks that sizes and data of a picture agree.
 *
 * @throws {InvalidArgumentError} `ARGUMENT_RANGE` when a side is not a positive integer or `data` has another length than width x height x 3
 */
export const assertRgbImage = (image: RgbImage): void => {
  assertInteger('image.width', image.width, 1);
  assertInteger('image.height', image.height, 1);
  const { width, height, data } = image;
  // By its tag, so that arrays of another realm (a frame, a test runner's sandbox) pass.
  if (data?.[Symbol.toStringTag] !== 'Uint8Array') {
    throw new InvalidArgumentError('ARGUMENT_TYPE', `Expected a Uint8Array for image.data but received ${typeof data}`);
  }
  const expected = width * height * 3;
  if (data.length !== expected) {
    throw new InvalidArgumentError(
      'ARGUMENT_RANGE',
      `Expected ${width} x ${height} x 3 = ${expected} values for image.data but received ${data.length}`,
      { details: { expected, received: data.length } },
    );
  }
};
