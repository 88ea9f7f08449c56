/*
 * System registers of the ARM generic timer (ARM DDI 0487, D13.8). They have no addresses on the
 * bus: a CPU names them in MRS and MSR instructions by five small numbers, encoded here as in bits
 * 20:5 of the instruction. Pure constants.
 */

/** The 16-bit name of a system register. */
function register(op0: number, op1: number, crn: number, crm: number, op2: number): number {
  return (op0 << 14) | (op1 << 11) | (crn << 7) | (crm << 3) | op2;
}

/** The counter, and the registers of the four timers. */
export const CNT = {
  CNTFRQ_EL0: register(3, 3, 14, 0, 0), //      RW  frequency as software is told; storage
  CNTPCT_EL0: register(3, 3, 14, 0, 1), //      RO  physical count
  CNTVCT_EL0: register(3, 3, 14, 0, 2), //      RO  virtual count: physical less CNTVOFF
  CNTVOFF_EL2: register(3, 4, 14, 0, 3), //     RW  virtual offset
  CNTPS_TVAL_EL1: register(3, 7, 14, 2, 0), //  secure physical timer
  CNTPS_CTL_EL1: register(3, 7, 14, 2, 1),
  CNTPS_CVAL_EL1: register(3, 7, 14, 2, 2),
  CNTP_TVAL_EL0: register(3, 3, 14, 2, 0), //   non-secure physical timer
  CNTP_CTL_EL0: register(3, 3, 14, 2, 1),
  CNTP_CVAL_EL0: register(3, 3, 14, 2, 2),
  CNTV_TVAL_EL0: register(3, 3, 14, 3, 0), //   virtual timer
  CNTV_CTL_EL0: register(3, 3, 14, 3, 1),
  CNTV_CVAL_EL0: register(3, 3, 14, 3, 2),
  CNTHP_TVAL_EL2: register(3, 4, 14, 2, 0), //  hypervisor timer
  CNTHP_CTL_EL2: register(3, 4, 14, 2, 1),
  CNTHP_CVAL_EL2: register(3, 4, 14, 2, 2),
} as const;

/** Bits of the CTL registers. */
export const CNT_CTL = {
  ENABLE: 1 << 0,
  IMASK: 1 << 1, //    the interrupt is kept back
  ISTATUS: 1 << 2, //  RO: the count has come to CVAL
} as const;

/** Counts per second on QEMU's `virt`. */
export const CNTFRQ_HZ = 62_500_000;
