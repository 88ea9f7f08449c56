/*
 * Faults for a virtio device: wraps its function so that it stops answering, writes where it was
 * not told to, or finishes what it was not given. The IOMMU stands behind it like behind any other.
 */
import { seededRandom } from "../../ipc/clock.js";
import { type DeviceFaults, happens } from "../faults.js";
import type { VirtioFunction, VirtioPort } from "./virtio-function.js";
import type { VirtQueue } from "./virtqueue.js";

/** Where a device writes to that has lost its mind: nobody's memory. */
const NOWHERE = 0x0000_6660_0000_0000;
const NOWHERE_BYTES = 0x1_0000_0000;
/** A descriptor that no queue has. */
const NO_DESCRIPTOR = 0xffff_ffff;

/** A device that misbehaves as told. */
export function faultyFunction(
  device: VirtioFunction,
  faults: DeviceFaults,
  seed: number,
): VirtioFunction {
  const random = seededRandom(seed);
  const below = (limit: number): number => random.below(limit);
  const { deafAfter = Number.POSITIVE_INFINITY, deafAgain = false } = faults;
  let port: VirtioPort | undefined;
  let notifications = 0;
  let cured = false;
  return {
    deviceId: device.deviceId,
    features: device.features,
    queueCount: device.queueCount,
    config: device.config,
    writeConfig: (offset, size, value) => device.writeConfig(offset, size, value),
    start(newPort, features) {
      port = newPort;
      if (notifications > deafAfter) {
        cured = !deafAgain;
        notifications = 0;
      }
      device.start(newPort, features);
    },
    stop() {
      port = undefined;
      return device.stop();
    },
    stopQueue: (queue) => device.stopQueue(queue),
    notify(queue) {
      notifications++;
      if (!cured && notifications > deafAfter) return;
      if (port !== undefined && happens(faults.strayWrites, below)) {
        port.memory.writeU32(NOWHERE + below(NOWHERE_BYTES), below(2 ** 32));
      }
      if (port !== undefined && happens(faults.inventions, below)) invent(port, queue);
      device.notify(queue);
    },
  };
}

/** Says that a request is finished which nobody has made. */
function invent(port: VirtioPort, queue: VirtQueue): void {
  queue.push(NO_DESCRIPTOR, 0);
  port.used(queue);
}
