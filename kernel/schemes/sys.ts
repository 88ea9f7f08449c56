/**
 * `sys:`: the kernel's tables as text: boot, processes, schemes, channels, capabilities, counters,
 * trace.
 */

import { formatRights } from "../../ipc/rights.js";
import type { Scheme } from "../../ipc/scheme.js";
import { formatTrace } from "../../ipc/trace-line.js";
import type { Kernel } from "../kernel.js";
import { type TextFiles, textTree } from "./text-tree.js";

/** Makes the scheme. */
export function sysScheme(kernel: Kernel): Scheme {
  const table = (rows: string[][]): string => rows.map((row) => `${row.join("\t")}\n`).join("");
  const files: TextFiles = {
    boot: () =>
      table([
        ["boots", String(kernel.parts.boots.count)],
        ["last_reason", kernel.parts.boots.reason],
      ]),
    processes: () =>
      table([
        ["pid", "name", "state", "incarnation", "restarts", "last death"],
        ...kernel.processes
          .all()
          .map((process) => [
            String(process.pid),
            process.name,
            process.supervised.state.tag,
            String(process.incarnation),
            String(process.restarts),
            (process.lastDeath ?? "").split("\n")[0] as string,
          ]),
      ]),
    schemes: () =>
      table(
        kernel.processes
          .all()
          .flatMap((process) => process.facts.provides.map((name) => [name, process.name])),
      ),
    channels: () =>
      table(
        kernel.processes
          .all()
          .flatMap((client) =>
            [...client.providers.values()].map(({ provider, memory }) => [
              client.name,
              provider.name,
              memory === undefined ? "away" : "joined",
            ]),
          ),
      ),
    capabilities: () =>
      table(
        kernel.capabilities
          .all()
          .map((capability) => [
            String(capability.id),
            String(capability.parent?.id ?? "-"),
            kernel.processes.get(capability.holder)?.name ?? "-",
            `${capability.scheme}:${capability.root}`,
            formatRights(capability.rights),
          ]),
      ),
    counters: () =>
      table([
        ["uptime_ms", String(Math.round(kernel.parts.hostNow() - kernel.bootMs))],
        ["processes", String(kernel.processes.all().length)],
        ["capabilities", String(kernel.capabilities.size)],
        ["pipe_ends", String(kernel.pipes.size)],
        ["spares", String(kernel.parts.loader.spares)],
        ["log_dropped", String(kernel.log.dropped)],
      ]),
    faults: () => kernel.faultLog.text(),
    trace: () =>
      kernel.recorder
        .events()
        .map((event) => `${formatTrace(event)}\n`)
        .join(""),
  };
  return textTree(files, kernel.parts.boots.count);
}
