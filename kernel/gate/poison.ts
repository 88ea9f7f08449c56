/** What is said of a request that was in a provider's hands at two deaths. */

import { operation } from "../../ipc/opcode.js";
import type { Request } from "./request.js";

/** Bytes of the request that the fault log keeps. */
const HEAD_BYTES = 64;

/** The report for the kernel's fault log. */
export function poisonReport(request: Request): Record<string, string | number> {
  const { connection, session, opcode, offset, arg0, arg1, bytes } = request;
  const head = Buffer.from(bytes?.subarray(0, HEAD_BYTES) ?? []).toString("hex");
  return {
    provider: connection?.provider ?? 0,
    operation: operation(opcode).name,
    url: session?.url ?? "",
    offset,
    length: bytes?.length ?? 0,
    arg0,
    arg1,
    head,
  };
}
