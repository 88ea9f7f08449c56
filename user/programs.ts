/**
 * The table of programs: every name that `os.spawn` finds in `user/bin`, with one line of summary.
 * `help`, each program's `--help` and the loader read it; tests/shell/programs.test.ts holds it
 * against the directory.
 */

export const PROGRAMS = {
  caps: "show who holds which capability, as a derivation tree",
  cat: "copy files to standard output",
  cp: "copy files",
  dd: "copy blocks and measure the throughput",
  echo: "print arguments",
  false: "do nothing, with status 1",
  head: "print the first lines or bytes",
  help: "list the programs",
  kill: "end a process or daemon, now or at a point of its next requests",
  ln: "give a file another name, or make a symbolic link",
  ls: "list a directory",
  mkdir: "make directories",
  mv: "move or rename files",
  ps: "list processes",
  pwd: "print the current directory",
  rm: "remove files and directories",
  schemes: "list the schemes in this namespace",
  sh: "the shell",
  sha256sum: "print SHA-256 sums",
  sleep: "wait",
  true: "do nothing, with status 0",
  wc: "count lines, words and bytes",
} as const;

/** Name of a program in `user/bin`. */
export type ProgramName = keyof typeof PROGRAMS;

/** Tells whether `name` is a program in `user/bin`. */
export function isProgram(name: string): name is ProgramName {
  return Object.hasOwn(PROGRAMS, name);
}

/** Formats the table for people, one program a line. */
export function formatPrograms(): string {
  return Object.entries(PROGRAMS)
    .map(([name, summary]) => `  ${name.padEnd(10)} ${summary}\n`)
    .join("");
}
