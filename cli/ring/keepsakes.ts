/**
 * What a host had in its machine and gets again after a reboot: the daemons that it loaded, and the
 * narrowed views that it made. Numbers of views and grants are the host's own, far above the
 * kernel's: a number of the dead machine never names something in the next.
 */

import type { Call, NameView, SyscallName } from "../../ipc/abi.js";
import { decodeBody, encodeBody } from "../../ipc/codec.js";
import { EACCES, type Errno, ESTALE } from "../../ipc/errno.js";
import type { RemoteCall } from "./remote-call.js";

/** The host's numbers begin here; the kernel's are small. */
const FIRST_NUMBER = 2 ** 40;

type Entry = NameView[number];

/** What `load` was given. */
interface Load {
  manifest: { name?: string };
  base: string;
}

/** A narrowed view, and what it is called in the machine that lives now. */
interface View {
  url: string;
  rights: string;
  live: { id: number; entry: Entry } | undefined;
}

/** Runs a system call before all that waits. */
type Run = (name: SyscallName, body: unknown) => Promise<Call>;

/** Remembers and restores. */
export class Keepsakes {
  readonly #run: Run;
  /** Bodies of the loads that succeeded, in order. */
  readonly #loads: Load[] = [];
  readonly #views = new Map<number, View>();
  /** Grants are not restored: what they were given to has died. */
  readonly #grants = new Map<number, number>();
  #next = FIRST_NUMBER;
  #restoring = false;

  constructor(run: Run) {
    this.#run = run;
  }

  /**
   * The body of a system call as this machine understands it; undefined when there is nothing left
   * to do.
   */
  translate(name: SyscallName, body: unknown): unknown {
    if (name !== "revoke") return body;
    const { id } = body as { id: number };
    if (id < FIRST_NUMBER) return body;
    const live = this.#views.get(id)?.live?.id ?? this.#grants.get(id);
    // What died with its machine is as revoked as can be. From here on it is not restored, either.
    this.#views.delete(id);
    this.#grants.delete(id);
    return live === undefined ? undefined : { id: live };
  }

  /** Looks at the answer of a system call that succeeded. */
  learn(name: SyscallName, body: unknown, call: RemoteCall): void {
    if (this.#restoring) return;
    if (name === "load") this.#learnLoad(body, call);
    else if (name === "narrow") this.#learnView(body as { url: string; rights: string }, call);
    else if (name === "grant") {
      const answer = decoded(call) as { id: number } | undefined;
      if (answer === undefined) return;
      this.#grants.set(this.#next, answer.id);
      call.body = encodeBody({ id: this.#next++ });
    }
  }

  #learnLoad(body: unknown, call: RemoteCall): void {
    const { pid } = (decoded(call) ?? {}) as { pid?: number };
    if (pid !== undefined) this.#loads.push(body as Load);
  }

  #learnView({ url, rights }: { url: string; rights: string }, call: RemoteCall): void {
    const live = decoded(call) as View["live"];
    if (live === undefined) return;
    const number = this.#next++;
    this.#views.set(number, { url, rights, live });
    call.body = encodeBody({ id: number, entry: { ...live.entry, capability: number } });
  }

  /** The host's number of a view; undefined for all of the namespace. */
  viewNumber(within: NameView | undefined): number | undefined {
    return within?.[0]?.capability;
  }

  /** What the machine calls a view. EACCES: it was revoked; ESTALE: it could not be made again. */
  view(within: NameView | undefined): NameView | undefined | Errno {
    return this.viewOf(this.viewNumber(within));
  }

  /** The same, by number. */
  viewOf(number: number | undefined): NameView | undefined | Errno {
    if (number === undefined) return undefined;
    const view = this.#views.get(number);
    if (view === undefined) return EACCES;
    return view.live === undefined ? ESTALE : [view.live.entry];
  }

  /** Makes it all again in a machine that has just booted. Resolves to what could not be loaded. */
  async restore(): Promise<string[]> {
    this.#restoring = true;
    this.#grants.clear();
    const lost: string[] = [];
    for (const body of this.#loads) {
      const answer = decoded(await this.#run("load", body)) as { pid?: number } | undefined;
      if (answer?.pid === undefined) lost.push(body.manifest.name ?? body.base);
    }
    for (const view of this.#views.values()) {
      const { url, rights } = view;
      view.live = decoded(await this.#run("narrow", { url, rights })) as View["live"];
    }
    this.#restoring = false;
    return lost;
  }
}

/** The answer's body; undefined when the call failed or brought none. */
function decoded(call: Call): unknown {
  if (call.result < 0 || call.body === undefined) return undefined;
  const body = decodeBody(call.body);
  return "errno" in body ? undefined : body.value;
}
