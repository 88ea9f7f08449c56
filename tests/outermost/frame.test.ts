/** Frames on the link: whole whatever the pipe does to them, refused when they lie. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame, type Frame, FrameReader } from "../../cli/ring/frame.js";
import { readAnswer, readBeat, readFailed } from "../../cli/ring/messages.js";
import { BODY_BYTES_MAX, PAYLOAD_BYTES_MAX } from "../../ipc/limits.js";

const HEAD_BYTES = 16;

/** A head as a peer that lies may send it. */
function head(kind: number, bodyLength: number, payloadLength: number): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES);
  bytes.writeUInt32LE(kind, 0);
  bytes.writeUInt32LE(bodyLength, 8);
  bytes.writeUInt32LE(payloadLength, 12);
  return bytes;
}

function readAll(chunks: readonly Uint8Array[]): { frames: Frame[]; broken: string | undefined } {
  const reader = new FrameReader();
  const frames = chunks.flatMap((chunk) => reader.push(chunk));
  return { frames, broken: reader.broken };
}

describe("frame", () => {
  it("comes out as it went in, however the stream is cut", () => {
    const parts = fc.record({
      call: fc.nat(2 ** 31),
      body: fc.option(fc.record({ result: fc.integer(), url: fc.string() }), { nil: undefined }),
      payload: fc.uint8Array({ maxLength: 200 }),
    });
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 6 }), cuts, (list, sizes) => {
        const bytes = Buffer.concat(list.map((each) => encodeFrame("answer", each)));
        const chunks: Buffer[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length] as number;
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        const { frames, broken } = readAll(chunks);
        expect(broken).toBeUndefined();
        expect(frames.map(({ call, body, payload }) => ({ call, body, payload }))).toEqual(
          list.map(({ call, body, payload }) => ({ call, body, payload: Buffer.from(payload) })),
        );
      }),
    );
  });

  it("the largest body and payload pass; one byte more is refused before it is allocated", () => {
    const payload = new Uint8Array(PAYLOAD_BYTES_MAX).fill(3);
    const { frames } = readAll([encodeFrame("operate", { payload })]);
    expect(frames[0]?.payload.equals(payload)).toBe(true);
    expect(readAll([head(0, 0, PAYLOAD_BYTES_MAX + 1)]).broken).toMatch(/payload of 4194305/);
    expect(readAll([head(0, BODY_BYTES_MAX + 1, 0)]).broken).toMatch(/body of 65537/);
    expect(readAll([head(0, 0xffff_ffff, 0xffff_ffff)]).broken).toMatch(/body/);
  });

  it("an unknown kind and a body that is no MessagePack break the stream for good", () => {
    expect(readAll([head(999, 0, 0)]).broken).toBe("frame of kind 999");
    const reader = new FrameReader();
    expect(reader.push(Buffer.concat([head(0, 2, 0), Buffer.from([0xc1, 0xc1])]))).toEqual([]);
    expect(reader.broken).toMatch(/cannot be decoded/);
    expect(reader.push(encodeFrame("beat"))).toEqual([]);
  });

  it("any bytes at all: the reader never throws and never holds more than it may", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (chunks) => {
        const { frames } = readAll(chunks);
        for (const { payload } of frames) expect(payload.length).toBeLessThanOrEqual(4194304);
      }),
    );
  });

  it("what a machine says is read with care", () => {
    const anything = fc.anything({ maxDepth: 3 });
    fc.assert(
      fc.property(anything, anything, (value, nested) => {
        readAnswer(value);
        readBeat(value);
        readFailed(value);
        const answer = readAnswer({ result: 1, opened: nested, incarnation: nested });
        expect(answer?.result).toBe(1);
      }),
    );
    expect(readAnswer({ result: "1" })).toBeUndefined();
    expect(readAnswer({ result: 0.5 })).toBeUndefined();
    expect(readAnswer({ result: -130, outcome: "sure" })).toEqual({ result: -130 });
    const opened = { url: "ram:/a", positioned: true, identity: { object: "7", generation: 2 } };
    expect(readAnswer({ result: 3, opened })?.opened).toEqual(opened);
  });
});
