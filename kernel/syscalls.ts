/**
 * System calls: the control plane. They come over the same channel format as everything else, are
 * answered by the kernel thread, and never block it: what takes time answers with a promise.
 */

import { SYSCALLS, type SyscallName } from "../ipc/abi.js";
import { decodeBody, encodeBody } from "../ipc/codec.js";
import {
  E2BIG,
  EACCES,
  ECANCELED,
  ECHILD,
  EEXIST,
  EINVAL,
  ENODEV,
  ENOSYS,
  EPERM,
  Errno,
  ESRCH,
  errnoOf,
} from "../ipc/errno.js";
import {
  ARGUMENT_BYTES_MAX,
  ARGUMENTS_MAX,
  PATH_BYTES_MAX,
  SCHEME_NAME_MAX,
} from "../ipc/limits.js";
import { HOST_PID, type Inherited, KERNEL_PID } from "../ipc/mail.js";
import { FAULT_POINTS } from "../ipc/process-block.js";
import {
  formatRights,
  parseRights,
  RIGHT_GRANT,
  RIGHT_READ,
  RIGHT_WRITE,
  RIGHTS_ALL,
} from "../ipc/rights.js";
import { SysError } from "../ipc/sys-error.js";
import { isBeneath } from "../ipc/url.js";
import type { Capability } from "./capability.js";
import type { Pending } from "./gate/contexts.js";
import type { SyscallHandler } from "./gate/dispatcher.js";
import { resolveUrl } from "./gate/namespace.js";
import type { Kernel } from "./kernel.js";
import type { ExitStatus, Process, ProgramFacts } from "./process.js";
import { count, type Fields, fields, list, number, optionalText, text } from "./syscall-body.js";
import { Wiring } from "./wiring.js";

type Handler = (kernel: Kernel, caller: Process, body: Fields, context: Pending) => unknown;

/** Makes the kernel's answer to OP_SYSCALL. */
export function syscallHandler(kernel: Kernel): SyscallHandler {
  return (context, number, bytes) => {
    const name = SYSCALLS[number];
    const caller = kernel.processes.get(context.caller);
    if (name === undefined || caller === undefined) throw ENOSYS;
    const decoded = decodeBody(bytes);
    if ("errno" in decoded) throw decoded.errno;
    const answer = HANDLERS[name](kernel, caller, fields(decoded.value), context);
    if (answer instanceof Promise) return answer.then((value) => encodeBody(value ?? null));
    return encodeBody(answer ?? null);
  };
}

const HANDLERS: Record<SyscallName, Handler> = {
  connect(kernel, caller, body) {
    const provider = kernel.processes.get(count(body, "provider"));
    if (provider === undefined) throw ENODEV;
    // A name in the namespace is what entitles to a channel.
    if (!caller.namespace.some((entry) => entry.provider === provider.pid)) throw EACCES;
    // A driver without a device would only die: say at once that there is nothing.
    if (kernel.lacksDevices(provider)) throw ENODEV;
    kernel.wiring.connect(caller, provider);
    kernel.lifecycle.handle(provider, { tag: "start" });
  },
  async disconnect(kernel, caller, body) {
    const provider = kernel.processes.get(count(body, "provider"));
    if (provider === undefined || !caller.providers.has(provider.pid)) throw ENODEV;
    kernel.recorder.record(caller, "disconnect", { provider: provider.name });
    await kernel.lifecycle.disconnect(caller, provider);
  },
  ready(kernel, caller) {
    kernel.lifecycle.handle(caller, { tag: "ready" });
    kernel.recorder.record(caller, "ready");
    kernel.readied(caller);
  },
  exit(kernel, caller, body) {
    const status = count(body, "status") & 0xff;
    caller.requestedStatus = status;
    kernel.lifecycle.die(caller, { ordered: true, clean: status === 0, cause: `exit ${status}` });
  },
  spawn: spawn,
  wait(kernel, caller, body, context) {
    const pid = count(body, "pid");
    const exited = kernel.takeExit(caller, pid);
    if (exited !== undefined) return exited;
    const child = kernel.processes.get(pid);
    if (child === undefined || child.facts.parent !== caller.pid) throw ECHILD;
    if (body["poll"] === true) return undefined;
    return new Promise<ExitStatus>((resolve, reject) => {
      const waiter = (status: ExitStatus): void => {
        kernel.takeExit(caller, pid);
        resolve(status);
      };
      child.waiters.add(waiter);
      context.onCancel(() => {
        child.waiters.delete(waiter);
        reject(ECANCELED);
      });
    });
  },
  kill,
  processes(kernel, caller) {
    requireSys(caller, "/processes", RIGHT_READ);
    return kernel.processes.all().map((process) => ({
      pid: process.pid,
      name: process.name,
      state: process.supervised.state.tag,
      incarnation: process.incarnation,
      restarts: process.restarts,
      ...(process.facts.isolation === "confined" ? { isolation: "confined" } : {}),
      ...(process.lastDeath === undefined ? {} : { lastDeath: process.lastDeath }),
    }));
  },
  capabilities(kernel, caller) {
    requireSys(caller, "/capabilities", RIGHT_READ);
    return kernel.capabilities.all().map((capability) => ({
      id: capability.id,
      ...(capability.parent === undefined ? {} : { parent: capability.parent.id }),
      holder: kernel.processes.get(capability.holder)?.name ?? String(capability.holder),
      scheme: capability.scheme,
      root: capability.root,
      rights: formatRights(capability.rights),
    }));
  },
  pipe(kernel, caller) {
    if (!caller.namespace.some(({ scheme }) => scheme === "pipe")) throw ENODEV;
    return kernel.pipes.create(caller);
  },
  "close-object"(kernel, caller, body) {
    kernel.pipes.close(count(body, "id"), caller);
  },
  drained(kernel, caller, body) {
    kernel.lifecycle.drained(caller.pid, count(body, "drain"));
  },
  resumed(kernel, caller, body) {
    kernel.recorder.record(caller, "resume", { replayed: count(body, "replayed") });
  },
  narrow(kernel, caller, body) {
    const { parent, root, rights } = derivation(kernel, caller, body);
    const capability = kernel.derive(parent, { holder: caller, root, rights });
    return { id: capability.id, entry: Wiring.entry(capability) };
  },
  grant(kernel, caller, body) {
    const { parent, root, rights } = derivation(kernel, caller, body);
    if ((parent.rights & RIGHT_GRANT) === 0) throw EACCES;
    const to = body["to"];
    if (typeof to !== "string" && typeof to !== "number") throw EINVAL;
    const holder = kernel.processes.find(to);
    if (holder === undefined) throw ESRCH;
    // A stranger's gift only adds: the deepest root wins, so one with fewer rights would take away.
    const known = resolveUrl(holder.namespace, text(body, "url"));
    if (!(known instanceof Errno) && (known.entry.rights & ~(rights & parent.rights)) !== 0) {
      throw EEXIST;
    }
    const capability = kernel.give(holder, parent, { root, rights, granted: true });
    holder.mail({ kind: "namespace", entries: holder.namespace });
    return { id: capability.id };
  },
  revoke(kernel, caller, body) {
    kernel.revoke(caller, count(body, "id"));
  },
  async load(kernel, caller, body) {
    if (caller.pid !== HOST_PID) throw EACCES;
    try {
      return await kernel.load(body);
    } catch (thrown) {
      // The words matter to the person who wrote the manifest; an errno alone would drop them.
      const errno = errnoOf(thrown);
      if (errno === undefined) throw thrown;
      const failure = thrown instanceof SysError ? (thrown.hint ?? thrown.message) : errno.message;
      return { errno: errno.errno, failure };
    }
  },
  poisoned(kernel, caller, body) {
    const provider = kernel.processes.get(count(body, "provider"));
    // Only who deals with a provider has anything to say of it.
    if (provider === undefined || !caller.providers.has(provider.pid)) throw ENODEV;
    const detail = {
      client: caller.name,
      operation: text(body, "operation", 32),
      url: text(body, "url", PATH_BYTES_MAX + SCHEME_NAME_MAX + 1),
      offset: number(body, "offset"),
      length: number(body, "length"),
      arg0: number(body, "arg0"),
      arg1: number(body, "arg1"),
      head: text(body, "head", 128),
    };
    kernel.recorder.record(provider, "poison", { operation: detail.operation, url: detail.url });
    kernel.faultLog.add({ subject: provider.name, kind: "poison", detail });
  },
  "replace-store"(kernel, caller) {
    const memory = kernel.stores.replace(caller);
    caller.mail({ kind: "store", memory });
  },
  log(kernel, caller, body) {
    const entry = caller.namespace.find(({ scheme }) => scheme === "log");
    if (entry === undefined || (entry.rights & RIGHT_WRITE) === 0) throw EACCES;
    kernel.log.write(caller.name, text(body, "line", 8192));
  },
};

/** What a new capability is to be derived from: the caller's own that covers the URL. */
function derivation(
  kernel: Kernel,
  caller: Process,
  body: Fields,
): { parent: Capability; root: string; rights: number } {
  const found = resolveUrl(caller.namespace, text(body, "url"));
  if (found instanceof Errno) throw found;
  const { entry, path } = found;
  const parent = kernel.capabilities.find(caller.pid, entry.provider, entry.capability);
  const rights = parseRights(text(body, "rights"));
  if (parent === undefined) throw EACCES;
  if (rights === undefined) throw EINVAL;
  return { parent, root: path, rights };
}

/** Some system calls need a name in `sys:` with these rights; to kill, that is all of it. */
function requireSys(caller: Process, path: string, rights: number): void {
  const found = resolveUrl(caller.namespace, `sys:${path}`);
  if (found instanceof Errno || (found.entry.rights & rights) !== rights) throw EACCES;
}

function kill(kernel: Kernel, caller: Process, body: Fields): unknown {
  const { target } = body;
  if (typeof target !== "string" && typeof target !== "number") throw EINVAL;
  const victim = kernel.processes.find(target);
  if (victim === undefined) throw ESRCH;
  // The kernel and the host are no workers: ending them is ending the machine.
  if (victim.pid === KERNEL_PID || victim.pid === HOST_PID) throw EPERM;
  if (victim.facts.parent !== caller.pid) requireSys(caller, "/", RIGHT_WRITE);
  const at = optionalText(body, "at");
  const nth = body["nth"] === undefined ? 1 : count(body, "nth");
  if (at === undefined) {
    if (victim.supervised.state.tag === "idle") throw ESRCH;
    kernel.recorder.record(victim, "fault", { by: caller.name });
    kernel.lifecycle.die(victim, { ordered: true, clean: false, cause: "killed" });
  } else if (at === "random") kernel.faults.killSoon(victim, body["seed"]);
  else {
    if (!Object.hasOwn(FAULT_POINTS, at) || nth < 1) throw EINVAL;
    kernel.faults.arm(victim, FAULT_POINTS[at as keyof typeof FAULT_POINTS], nth);
  }
  return { pid: victim.pid, incarnation: victim.incarnation };
}

function spawn(kernel: Kernel, caller: Process, body: Fields): unknown {
  const program = kernel.programUrl(caller, text(body, "program"));
  const asked = optionalText(body, "isolation") ?? "thread";
  if (asked !== "thread" && asked !== "confined") throw EINVAL;
  // Confined code has no children that are less so.
  if (asked === "thread" && caller.facts.isolation === "thread") {
    return launch(kernel, caller, body, program);
  }
  return kernel.parts.loader.link([program.url]).then(([code = []]) => {
    if (kernel.processes.get(caller.pid) !== caller) throw ECANCELED;
    return launch(kernel, caller, body, { ...program, code });
  });
}

function launch(kernel: Kernel, caller: Process, body: Fields, program: ProgramFacts): unknown {
  const args = list(body, "args", ARGUMENTS_MAX);
  let bytes = 0;
  for (const arg of args) {
    if (typeof arg !== "string") throw EINVAL;
    bytes += arg.length;
  }
  if (bytes > ARGUMENT_BYTES_MAX) throw E2BIG;
  const child = kernel.addProgram(caller, {
    ...program,
    args: args as string[],
    cwd: text(body, "cwd"),
  });
  try {
    passNames(kernel, caller, child, body);
    child.stdio = list(body, "stdio", 3).map((item) =>
      inherit(kernel, caller, child, fields(item)),
    );
  } catch (thrown) {
    kernel.discard(child);
    throw thrown;
  }
  kernel.lifecycle.handle(child, { tag: "start" });
  return { pid: child.pid };
}

/** A child gets its parent's names, or those of them that the parent lists. */
function passNames(kernel: Kernel, caller: Process, child: Process, body: Fields): void {
  if (body["namespace"] === undefined) {
    for (const entry of caller.namespace) {
      const parent = kernel.capabilities.find(caller.pid, entry.provider, entry.capability);
      if (parent !== undefined)
        kernel.give(child, parent, { root: entry.root, rights: RIGHTS_ALL });
    }
    return;
  }
  for (const item of list(body, "namespace", 64)) {
    const { parent, root, rights } = derivation(kernel, caller, fields(item));
    kernel.give(child, parent, { root, rights });
  }
}

/** Passes one handle on to a child. Nothing is taken from numbers without a check. */
function inherit(kernel: Kernel, caller: Process, child: Process, item: Fields): Inherited {
  if (item["object"] !== undefined) {
    const object = kernel.pipes.share(count(item, "object"), caller, child);
    if (object === undefined) throw EINVAL;
    return { kind: "object", object };
  }
  const provider = count(item, "provider");
  const parent = kernel.capabilities.find(caller.pid, provider, count(item, "capability"));
  const path = text(item, "path");
  if (parent === undefined || !isBeneath(parent.root, path)) throw EACCES;
  const handle = count(item, "handle");
  const capability = kernel.wiring.grant(parent, { holder: child, root: path, rights: RIGHTS_ALL });
  const wire = caller.providers.get(provider);
  const owner = kernel.processes.get(provider);
  if (owner === undefined) throw EACCES;
  if (wire === undefined && provider !== 0) throw EACCES;
  kernel.wiring.connect(child, owner);
  kernel.passHandle(owner, {
    kind: "grant",
    index: capability.index,
    parent: parent.index,
    from: caller.pid,
    handle,
    to: child.pid,
    rights: RIGHTS_ALL,
  });
  const at = { provider, handle, capability: count(item, "capability") };
  const cell = kernel.cells.of(caller, { ...at, position: count(item, "position") });
  kernel.cells.inherit(child, { provider, capability: capability.index, cell });
  return {
    kind: "session",
    provider,
    capability: capability.index,
    url: text(item, "url"),
    path,
    flags: count(item, "flags"),
    positioned: item["positioned"] === true,
    cell,
  };
}
