/** Tests of sel4test and of Zircon's core tests that have no counterpart here, and why. */

import type { Absent } from "./counterpart.js";

/** One text of several lines. */
function words(...lines: string[]): string {
  return lines.join(" ");
}

export const SEL4_ABSENT: readonly Absent[] = [
  {
    of: "CNODEOP0004, CNODEOP0005, CNODEOP0008",
    why: words(
      "Capabilities are derived, never moved, mutated in place or rotated: there are no slots",
      "that a process fills itself.",
    ),
  },
  {
    of: "CNODEOP0009, IPCRIGHTS0004's reply part, IPC0027, IPC0028",
    why: words(
      "Reply capabilities are not objects: an answer belongs to the tag of its request",
      "(SYSCALL0003 has what of it can be forged).",
    ),
  },
  {
    of: "SYSCALL0000, SYSCALL0006, SYSCALL0014 to SYSCALL0018",
    why: "Yield and debug output have no call here, and registers are the host's.",
  },
  {
    of: "IPC0011 to IPC0018, IPC0021, IPC0022, IPC0025, IPC0026",
    why: words(
      "Scheduling contexts and their donation: threads are scheduled by the host, nobody",
      "lends time.",
    ),
  },
  {
    of: words(
      "SCHED0000 to SCHED0022, SCHED_CONTEXT_0001 to SCHED_CONTEXT_0014, DOMAINS0001 to",
      "DOMAINS0005",
    ),
    why: "Priorities, budgets and domains are the host's scheduler's.",
  },
  {
    of: "BIND0005, BIND0006",
    why: "A queue is not bound to a thread: it is asked like any file.",
  },
  {
    of: "PAGEFAULT0005, PAGEFAULT1005",
    why: "A fault has no handler that repairs it: the daemon ends and is restarted.",
  },
  {
    of: words(
      "VSPACE0000, VSPACE0002 to VSPACE0004, FRAMEEXPORTS0001, FRAMEXN0001, FRAMEDIPC0001 to",
      "FRAMEDIPC0003, PT0001, IOPT0001 to IOPT0011, IOPORTS1000",
    ),
    why: words(
      "No page tables, frames or I/O ports: memory is shared buffers, which JavaScript can",
      "neither unmap nor protect. What devices reach is tested in tests/hw/memory.test.ts.",
    ),
  },
  {
    of: "INTERRUPT0001 to INTERRUPT0006",
    why: words(
      "Interrupts are tested with the controller (tests/hw/gicv2.test.ts,",
      "tests/hw/board.test.ts).",
    ),
  },
  {
    of: words(
      "FPU0000 to FPU0004, TLS0001 to TLS0006, BREAKPOINT_001 and following,",
      "SINGLESTEP_TEST_001",
    ),
    why: "Registers, thread-local storage and debugging are the host's.",
  },
  {
    of: "CACHEFLUSH0001 to CACHEFLUSH0003, VCPU0001, SMC0001",
    why: "There are no caches, virtual processors or calls to a secure monitor to manage.",
  },
  {
    of: "SYNC001 to SYNC004, TRIVIAL0000 to TRIVIAL0002, REGRESSIONS0001 to REGRESSIONS0003",
    why: "They test a library of locks, the test harness itself, and old faults of its kernel.",
  },
];

export const ZIRCON_ABSENT: readonly Absent[] = [
  {
    of: words(
      "ChannelTest.CallHandlesFit…, CallHandleAndBytesFits…,",
      "CallResponseBiggerThanRdNumHandles…",
    ),
    why: "Handles travel with a spawn and with grants, not in answers.",
  },
  {
    of: words(
      "ChannelTest.CallNullptr…, ReadMayDiscard… with null pointers, FifoTest.…BadBuffer,",
      "PortTest with bad pointers",
    ),
    why: words(
      "There are no user pointers: an extent is an offset and a length, checked against the",
      "arena (ObjectInfo.bad_buffer_fails).",
    ),
  },
  {
    of: "ChannelEtcTest, ChannelWriteEtcTest, ChannelIovecTest",
    why: "One form of each request.",
  },
  {
    of: "HandleDuplicationTest.ReplaceSuccessOrigInvalid, HandleInfoTest.RelatedKoid",
    why: "Handles are not replaced, and objects have no numbers that a process could ask for.",
  },
  {
    of: "FifoTest.NonPowerOfTwo…, FifoTest.ElementSize…",
    why: "A pipe carries bytes, and all pipes have one size.",
  },
  {
    of: words(
      "SocketTest.Peeking…, SetThreshholds…, SetDisposition…, SocketDatagram…, ShutdownWrite,",
      "ShutdownRead",
    ),
    why: "Pipes have one direction, no datagrams, no thresholds and no peeking.",
  },
  {
    of: "EventPairTest, EventTest, ClockTest, TimerTest, FutexTest, CounterTest",
    why: words(
      "No such objects: readiness is of files, time is a scheme, and locks in shared memory",
      "are what Anode does without.",
    ),
  },
  {
    of: "PortTest.ThreadEvents, Timestamp, AsyncWaitInvalidOption, StressTest",
    why: "Queues tell of files only, carry no time, and have no options.",
  },
  {
    of: "ObjectWaitManyTest.TooManyObjects, ObjectWaitOneTest.WaitForEventTimeout",
    why: words(
      "A queue watches any number of files; a wait's time limit is the request's",
      "(ChannelTest.CallDeadlineExceededReturnsTimedOut).",
    ),
  },
  {
    of: "JobTest.Policy…, SetJobOomKillBit, InfoTaskStatsFails, CloseJobRemovesFromTree",
    why: words(
      "A program is not configured by policies, and jobs are not objects: a program and those",
      "below it are one.",
    ),
  },
  {
    of: words(
      "VmoTest, VmoCloneTest, VmarTest, PagerTest, BtiTest, ResourceTest, StreamTest,",
      "StackTest, ThreadsTest, ProfileTest, ElfTlsTest, PthreadTest",
    ),
    why: words(
      "Memory objects, address spaces, resources and threads are the host's; streams are",
      "files (tests/conformance).",
    ),
  },
  {
    of: words(
      "InterruptTest, MsiTest, DebugLogTest, ExceptionTest, SystemEventTest,",
      "PerformanceInfoTest",
    ),
    why: words(
      "Interrupts are tested in tests/hw, faults of daemons in tests/system/faults.test.ts;",
      "the others have no like here.",
    ),
  },
];
