/** How much of a text is drawn at first: to lay out 5 MB in one go holds the page for seconds. */
export const AT_FIRST = 50_000;
const NEAR = 200;

/** Where a text is cut so that at most `most` of it is shown: behind a word, where there is one near, and never within
 * a letter. */
export function cutAt(text: string, most: number): number {
  if (text.length <= most) return text.length;
  const from = Math.max(0, most - NEAR);
  const near = text.slice(from, most);
  const gap = Math.max(near.lastIndexOf("\n"), near.lastIndexOf(" "));
  if (gap >= 0) return from + gap + 1;
  let end = most;
  while (end > from + 1 && /^(?:\p{M}|\u200d|[\udc00-\udfff])/u.test(text.slice(end, end + 2))) end--;
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}
