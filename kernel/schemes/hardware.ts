/**
 * `irq:` and `memory:`: how a driver gets its interrupt lines, device windows and DMA memory.
 * Opening is checked like any open; what comes back is an object that the driver then uses without
 * the kernel.
 */

import { EINVAL, ENOENT, ENXIO } from "../../ipc/errno.js";
import { type Opened, opened, type Scheme } from "../../ipc/scheme.js";
import type { Kernel } from "../kernel.js";
import type { Process } from "../process.js";

/** Largest DMA region in bytes. */
const DMA_BYTES_MAX = 64 * 1024 * 1024;

function caller(kernel: Kernel, pid: number): Process {
  const process = kernel.processes.get(pid);
  if (process === undefined) throw ENOENT;
  return process;
}

function local(id: number): Opened<number> {
  return opened(id, { identity: { object: "local", generation: 0, local: id } });
}

/** `irq:/N`: the line with interrupt id N. */
export function irqScheme(kernel: Kernel): Scheme<number> {
  return {
    open(path, context) {
      const process = caller(kernel, context.caller);
      const line = Number(path.slice(1));
      if (!Number.isInteger(line)) throw ENOENT;
      const devices = kernel.devicesOf(process);
      return local(kernel.object(process, (id) => kernel.devices.line(devices, line, id)));
    },
  };
}

/**
 * `memory:/device/NODE` is a device's window; `memory:/dma/BYTES` a fresh DMA region;
 * `memory:/devices` tells a driver which devices are its own.
 */
export function memoryScheme(kernel: Kernel): Scheme<unknown> {
  return {
    open(path, context) {
      const process = caller(kernel, context.caller);
      const [kind = "", name = ""] = path.slice(1).split("/");
      if (kind === "devices") return process;
      if (kind === "dma") {
        const size = Number(name);
        if (!Number.isInteger(size) || size <= 0 || size > DMA_BYTES_MAX) throw EINVAL;
        return local(kernel.object(process, (id) => kernel.devices.allocate(process, size, id)));
      }
      if (kind !== "device") throw ENOENT;
      const device = kernel.devicesOf(process).find((own) => own.name === name);
      if (device === undefined) throw ENXIO;
      const { window, size } = device;
      return local(kernel.object(process, (id) => ({ object: "window", id, window, size, name })));
    },
    call(handle) {
      if (typeof handle === "number") throw EINVAL;
      return kernel.devicesOf(handle as Process);
    },
  };
}
