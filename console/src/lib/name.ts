const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** What is wrong with the name of a dataset, suite, guard, prompt …: most named things keep the server's one rule. */
export function badName(name: string): string {
  return NAME.test(name) ? "" : "Up to 64 of a-z 0-9 . _ -, beginning with a letter or digit.";
}
