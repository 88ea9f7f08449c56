/*
 * Captures a network into a file that Wireshark and tcpdump read: libpcap's classic format, with
 * microseconds. Wraps another network; both directions are captured as the device sees them.
 */
import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import type { NetworkBackend } from "../network.js";
import { FRAME_BYTES_MAX } from "../regs/virtio-net.js";
import { NetworkError } from "./network-error.js";

/*
 * File header: OFFSET SIZE MEANING
 *                   0    4 magic a1b2c3d4, in the writer's byte order
 *                   4    4 version 2.4, two halves
 *                   8    8 time zone and accuracy, unused
 *                  16    4 longest packet that is kept
 *                  20    4 link type; 1 is Ethernet
 */
const FILE = { magic: 0, major: 4, minor: 6, snapLength: 16, linkType: 20, SIZE: 24 } as const;
const MAGIC = 0xa1b2c3d4;
const LINK_ETHERNET = 1;
/*
 * Record header: OFFSET SIZE MEANING
 *                     0    4 seconds since 1970
 *                     4    4 microseconds
 *                     8    4 bytes that follow
 *                    12    4 bytes that the packet had
 */
const RECORD = { seconds: 0, microseconds: 4, kept: 8, length: 12, SIZE: 16 } as const;

/** Bytes that may wait for the file; what comes when there are more is left out. */
const WAITING_BYTES_MAX = 16 << 20;

/** Captures `network` into a new file. Rejects with a NetworkError if it can't be written. */
export async function captureNetwork(
  network: NetworkBackend,
  path: string,
  nowMs: () => number = Date.now,
): Promise<NetworkBackend> {
  const file = createWriteStream(path);
  try {
    await once(file, "open");
  } catch (error) {
    const { code = "EIO" } = error as NodeJS.ErrnoException;
    await network.close();
    throw new NetworkError(code, `pcap=${path} can't be written: ${code}`);
  }
  // A full disk ends the capture, not the network.
  file.on("error", () => file.destroy());
  file.write(fileHeader());
  const capture = (frame: Uint8Array): void => captureFrame(file, frame, nowMs());
  return {
    counters: network.counters,
    connect: (receiver) =>
      network.connect({
        linkChanged: (up) => receiver.linkChanged(up),
        receive(frame) {
          const taken = receiver.receive(frame);
          if (taken) capture(frame);
          return taken;
        },
      }),
    transmit(frame) {
      capture(frame);
      network.transmit(frame);
    },
    resume: () => network.resume(),
    async close() {
      await network.close();
      file.end();
      await finished(file).catch(() => undefined);
    },
  };
}

function fileHeader(): Uint8Array {
  const view = new DataView(new ArrayBuffer(FILE.SIZE));
  view.setUint32(FILE.magic, MAGIC, true);
  view.setUint16(FILE.major, 2, true);
  view.setUint16(FILE.minor, 4, true);
  view.setUint32(FILE.snapLength, FRAME_BYTES_MAX, true);
  view.setUint32(FILE.linkType, LINK_ETHERNET, true);
  return new Uint8Array(view.buffer);
}

function captureFrame(file: WriteStream, frame: Uint8Array, nowMs: number): void {
  if (file.destroyed || file.writableLength > WAITING_BYTES_MAX) return;
  const record = new Uint8Array(RECORD.SIZE + frame.length);
  const view = new DataView(record.buffer);
  view.setUint32(RECORD.seconds, Math.floor(nowMs / 1000), true);
  view.setUint32(RECORD.microseconds, Math.floor((nowMs % 1000) * 1000), true);
  view.setUint32(RECORD.kept, frame.length, true);
  view.setUint32(RECORD.length, frame.length, true);
  record.set(frame, RECORD.SIZE);
  file.write(record);
}
