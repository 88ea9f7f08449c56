/**
 * The byte ring: bytes come out in order through any number of wraps, each to one reader only, and
 * a stranger's indices lead to garbage at worst. Random parts print their seed.
 */

import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { allocateByteRing, ByteRing, READERS_GONE, WRITER_GONE } from "../../ipc/byte-ring.js";
import { seededRandom } from "../../ipc/clock.js";

const SEED = 20_261_121;
const TAIL = 0;
const HEAD = 16;

/** A ring whose indices stand at `start`, as after that many bytes. */
function ringAt(capacity: number, start: number): ByteRing {
  const memory = allocateByteRing(capacity);
  const words = new Int32Array(memory, 0, HEAD + 1);
  words[TAIL] = start;
  words[HEAD] = start;
  return new ByteRing(memory);
}

function text(ring: ByteRing, room = 100): string {
  const bytes = new Uint8Array(room);
  return Buffer.from(bytes.subarray(0, ring.read(bytes))).toString();
}

describe("byte ring: one thread", () => {
  it("byte ring: is empty at first, and full at its capacity", () => {
    const ring = ringAt(16, 0);
    expect([ring.filled, ring.free, text(ring)]).toEqual([0, 16, ""]);
    expect(ring.write(Buffer.from("0123456789abcdefgh"))).toBe(16);
    expect([ring.filled, ring.free]).toEqual([16, 0]);
    expect(ring.write(Buffer.from("x"))).toBe(0);
    expect(text(ring)).toBe("0123456789abcdef");
  });

  it("byte ring: a short read leaves the rest", () => {
    const ring = ringAt(16, 0);
    ring.write(Buffer.from("hello"));
    expect([text(ring, 2), text(ring, 0), text(ring, 9)]).toEqual(["he", "", "llo"]);
  });

  it.each([0, 9, -3, 0x7ffffffa, -0x7ffffffc])(
    `byte ring: a stream that wraps comes out as it went in, from index %i (seed ${SEED})`,
    (start) => {
      const random = seededRandom(SEED);
      const ring = ringAt(16, start);
      let [written, readBack] = [0, 0];
      for (let i = 0; i < 5000; i++) {
        const out = Uint8Array.from({ length: random.below(20) }, (_, j) => (written + j) & 0xff);
        written += ring.write(out);
        const bytes = new Uint8Array(random.below(20));
        const count = ring.read(bytes);
        for (let j = 0; j < count; j++) {
          if (bytes[j] !== (readBack & 0xff)) expect.fail(`seed ${SEED}, byte ${readBack}`);
          readBack++;
        }
        expect(ring.filled).toBe(written - readBack);
      }
      expect(readBack).toBeGreaterThan(10_000);
    },
  );

  it("byte ring: a log line that does not fit is dropped whole, and counted once", () => {
    const ring = ringAt(16, 0);
    expect(ring.writeOrDrop(Buffer.from("0123456789"))).toBe(true);
    expect(ring.writeOrDrop(Buffer.from("0123456789"))).toBe(false);
    expect([text(ring), ring.takeDropped(), ring.takeDropped()]).toEqual(["0123456789", 1, 0]);
  });

  it("byte ring: both sides can be gone, and stay gone", () => {
    const ring = ringAt(16, 0);
    ring.setGone(WRITER_GONE);
    expect(ring.gone).toBe(WRITER_GONE);
    ring.setGone(READERS_GONE);
    expect(new ByteRing(ring.memory).gone).toBe(WRITER_GONE | READERS_GONE);
  });

  it("byte ring: a sleeper is taken once, and only its own side", () => {
    const ring = ringAt(16, 0);
    ring.setSleeping("reader", true);
    expect(ring.takeSleeper("writer")).toBe(false);
    expect([ring.takeSleeper("reader"), ring.takeSleeper("reader")]).toEqual([true, false]);
    ring.setSleeping("writer", true);
    ring.setSleeping("writer", false);
    expect(ring.takeSleeper("writer")).toBe(false);
  });

  it(`byte ring: whatever is in the indices, counts stay in range (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    const memory = allocateByteRing(64);
    const words = new Int32Array(memory, 0, 48);
    const ring = new ByteRing(memory);
    const wild = [0, 1, -1, 63, 64, 65, 0x7fffffff, -0x80000000];
    for (let i = 0; i < 20_000; i++) {
      words[random.below(2) === 0 ? TAIL : HEAD] =
        random.below(2) === 0 ? (wild[random.below(8)] as number) : random.below(2 ** 32) | 0;
      const written = ring.write(new Uint8Array(random.below(100)));
      const read = ring.read(new Uint8Array(random.below(100)));
      const counts = [ring.filled, ring.free, written, read];
      if (!counts.every((n) => n >= 0 && n <= 64))
        expect.fail(`seed ${SEED}, step ${i}: ${counts}`);
    }
  });
});

describe("byte ring: several readers in their own threads", () => {
  it("byte ring: each record goes to exactly one of them, whole", async () => {
    const records = 50_000;
    const memory = allocateByteRing(64);
    const seen = new SharedArrayBuffer(4 * (records + 1));
    const readers = [1, 2].map(
      () =>
        new Worker(new URL("./byte-ring-reader.js", import.meta.url), {
          workerData: { memory, seen },
        }),
    );
    const ends = readers.map(
      (worker) =>
        new Promise<void>((resolve, reject) => {
          worker.once("error", reject);
          worker.once("exit", () => {
            resolve();
          });
        }),
    );
    const ready = (worker: Worker): Promise<void> =>
      new Promise((resolve) => {
        worker.once("message", () => {
          resolve();
        });
      });
    await Promise.all(readers.map(ready));
    const ring = new ByteRing(memory);
    const bytes = new Uint8Array(4);
    const view = new DataView(bytes.buffer);
    for (let record = 1; record <= records; ) {
      view.setUint32(0, record, true);
      if (ring.free >= 4 && ring.write(bytes) === 4) record++;
    }
    ring.setGone(WRITER_GONE);
    await Promise.all(ends);
    const counts = new Int32Array(seen);
    const wrong = [...counts.keys()].filter((record) => counts[record] !== (record === 0 ? 0 : 1));
    expect(wrong).toEqual([]);
  });
});
