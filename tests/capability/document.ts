/** The text of docs/capability-tests.md, made from the tests themselves. */

import { SEL4_ABSENT, ZIRCON_ABSENT } from "./absent.js";
import { SEL4, ZIRCON } from "./catalogue.js";
import type { Absent, Counterpart } from "./counterpart.js";

const HEAD = `# Capability tests

Which tests of other capability systems have a counterpart here, and what the random probes and the
revocation tests prove. This page is written by \`npm run capability-tests\` from the tests in
\`tests/capability/\`; a test fails when it is out of date.

A counterpart bears the name of the test that it mirrors, and states what holds in Anode; where the
two systems differ, the claim says how it is here. Most play on the real kernel, wiring, lifecycle
and provider gates in one thread (\`tests/capability/world.ts\`), with clients that write raw
entries into their rings as hostile code would; those about threads, faults and drivers on a booted
machine.

## Random probes

\`tests/capability/probes.ts\` runs three daemons, one above the other, and programs with different
shares of them. Each probe is one raw request, system call or death, chosen by a seed: forged,
foreign, stale and reused numbers of capabilities and handles, rights that are missing, paths with
\`..\`, renames across roots, wild extents, requests marked as replays, cancelling others' requests,
handles passed on under another capability or twice, handles in transit when either end dies,
narrowing beyond, granting up the order, revoking of trees in use, daemons that die in between. A
plain model (\`oracle.ts\`, written from the documentation) says beforehand whether it may succeed;
result, data, what reached a handler and the kernel's table must agree with it in both directions.
A canary, revocations that are undone behind the model's back, must be found.

\`npm run probes -- --count N --seed S\` is the long run; \`npm test\` runs 25,000 with a new seed.
Each 100,000 have a world of their own, with the next seed.

| run | machine | result |
|---|---|---|
| \`--count 4500000 --seed 20261121\` | 2 cores, shared, Node 20.20.2 | 0 disagreements |
| \`--count 2600000 --seed 20261166\` | the same | 0 disagreements |

\`tests/capability/forger.test.ts\` lets a hostile program forge names, handle numbers and system
calls in a worker of its own, on a real machine.

## Revocation

\`tests/capability/revocation.test.ts\` states the contract: a request that starts after \`revoke\`
has returned is refused, one that waits ends with \`EACCES\`, none brings data; for the whole
subtree, inherited handles and those in transit, across restarts of the daemon, and while clients in
other threads read as fast as they can.

## Upward edges and quotas

\`tests/capability/edges.test.ts\`: calls go only down the order of loading; an upward edge is
\`EDEADLK\` at boot, at load, when a capability is received, and when a channel is asked for.

\`tests/capability/quotas.test.ts\`: what one client uses up is its own.

| what | limit | charged to | beyond |
|---|---|---|---|
| requests at one provider | ring of 64, queue of 4096 | the client | waits, \`EAGAIN\` |
| payload bytes in flight at one provider | arena of 8 MiB | the client | waits |
| handles at one provider | 1024 | the client | \`EMFILE\` |
| capabilities derived | 1024 | the holder | \`EMFILE\` |
| capabilities that others gave | 256 | apart from the holder's own | \`EMFILE\`, to the giver |
| pipe ends | 256 | the holder | \`EMFILE\` |
| processes below one that the host has started | 128 | that one | \`EAGAIN\` |
| DMA bytes | 32 MiB | the driver | \`ENOBUFS\` |

Not charged yet: wakes (a doorbell that is rung without need costs its owner a look at its rings),
a provider's 8192 slots for capabilities (eight programs of 1024 each fill them), and what a gift
costs its giver.
`;

function table(cases: readonly Counterpart[]): string {
  const rows = cases.map(({ of, claim }) => `| \`${of}\` | ${claim} |`);
  return ["| mirrors | what holds |", "|---|---|", ...rows].join("\n");
}

function absentTable(absent: readonly Absent[]): string {
  const rows = absent.map(({ of, why }) => `| ${of} | ${why} |`);
  return ["| tests | why there is no counterpart |", "|---|---|", ...rows].join("\n");
}

/** Makes the page. */
export function capabilityTestsPage(): string {
  return [
    HEAD,
    `## sel4test: ${SEL4.length} counterparts\n`,
    `${table(SEL4)}\n`,
    `${absentTable(SEL4_ABSENT)}\n`,
    `## Zircon core tests: ${ZIRCON.length} counterparts\n`,
    `${table(ZIRCON)}\n`,
    `${absentTable(ZIRCON_ABSENT)}\n`,
  ].join("\n");
}
