const WIRE_VARINT = 0;
const WIRE_BYTES = 2;
const WIRE_FIXED32 = 5;

const encoder = new TextEncoder();

/**
 * Writes protobuf wire format: fields in the order of the calls.
 *
 * @source https://protobuf.dev/programming-guides/encoding/
 */
export class ProtobufWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(256);
  #length = 0;

  /** A whole number, as `int32`, `int64`, `bool` and enums are encoded; negative ones take ten bytes. */
  integer(field: number, value: number | bigint): this {
    this.#tag(field, WIRE_VARINT);
    this.#varint(BigInt.asUintN(64, BigInt(value)));
    return this;
  }

  /** A `float` in four bytes. */
  float(field: number, value: number): this {
    this.#tag(field, WIRE_FIXED32);
    const start = this.#reserve(4);
    new DataView(this.#bytes.buffer).setFloat32(start, value, true);
    return this;
  }

  string(field: number, value: string): this {
    return this.bytes(field, encoder.encode(value));
  }

  /** A `bytes` field, or an encoded message. */
  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, WIRE_BYTES);
    this.#varint(BigInt(value.byteLength));
    const start = this.#reserve(value.byteLength);
    this.#bytes.set(value, start);
    return this;
  }

  message(field: number, value: ProtobufWriter): this {
    return this.bytes(field, value.finish());
  }

  /** The bytes written so far. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #tag(field: number, wireType: number): void {
    this.#varint(BigInt(field * 8 + wireType));
  }

  #varint(value: bigint): void {
    let rest = value;
    for (; rest >= 0x80n; rest >>= 7n) this.#byte(Number(rest & 0x7fn) | 0x80);
    this.#byte(Number(rest));
  }

  #byte(value: number): void {
    // Room first: growing replaces the buffer.
    const position = this.#reserve(1);
    this.#bytes[position] = value;
  }

  /** Makes room for more bytes and returns where they start. */
  #reserve(count: number): number {
    const start = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.byteLength) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.byteLength * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    return start;
  }
}
