/**
 * Taking canonical URLs (`file:/a/b`, as `os.resolve` returns them) apart and together. Not a
 * parser: what it is given is canonical already.
 */

/** Returns the URL of `name` in directory `url`. */
export function childUrl(url: string, name: string): string {
  return url.endsWith("/") ? url + name : `${url}/${name}`;
}

/** Returns the last name of the path; empty for a scheme's root. */
export function lastName(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}

/** Returns the URL of the directory that holds it; a root holds itself. */
export function parentUrl(url: string): string {
  const slash = url.lastIndexOf("/");
  const root = url.indexOf("/");
  return slash <= root ? url.slice(0, root + 1) : url.slice(0, slash);
}

/** True when `url` names `directory` or something below it. */
export function isUrlBeneath(directory: string, url: string): boolean {
  return url === directory || url.startsWith(childUrl(directory, ""));
}

/** Returns how a prompt shows it: paths of `file:` bare, others with their scheme. */
export function displayUrl(url: string): string {
  return url.startsWith("file:/") ? url.slice("file:".length) : url;
}
