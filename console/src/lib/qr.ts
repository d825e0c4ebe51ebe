/**
 * QR codes after ISO/IEC 18004:2015: byte mode, error correction M, versions 1 to 10 (213 bytes at most). Drawn here, so
 * that the secret of a second factor goes to no other host, as a picture service would have it.
 */

export interface QrCode {
  /** Modules on each side, without the quiet zone around it. */
  size: number;
  isDark: (x: number, y: number) => boolean;
}

interface Plan {
  /** Error correction codewords of each block. */
  check: number;
  /** Data codewords of each block, the shorter ones first. */
  blocks: number[];
  /** Centres of the alignment patterns, on both axes. */
  centres: number[];
}

const times = (count: number, value: number): number[] => Array.from({ length: count }, () => value);

/** Tables 9 and E.1 of the standard, for level M; the version is the place in the list, plus one. */
const PLANS: readonly Plan[] = [
  { check: 10, blocks: [16], centres: [] },
  { check: 16, blocks: [28], centres: [6, 18] },
  { check: 26, blocks: [44], centres: [6, 22] },
  { check: 18, blocks: times(2, 32), centres: [6, 26] },
  { check: 24, blocks: times(2, 43), centres: [6, 30] },
  { check: 16, blocks: times(4, 27), centres: [6, 34] },
  { check: 18, blocks: times(4, 31), centres: [6, 22, 38] },
  { check: 22, blocks: [...times(2, 38), ...times(2, 39)], centres: [6, 24, 42] },
  { check: 22, blocks: [...times(3, 36), ...times(2, 37)], centres: [6, 26, 46] },
  { check: 26, blocks: [...times(4, 43), 44], centres: [6, 28, 50] },
];

/** Conditions under which a mask turns a module over, table 10. */
const MASKS: readonly ((x: number, y: number) => boolean)[] = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** The most bytes that are drawn. */
const MOST = 213;

export const fits = (text: string): boolean => new TextEncoder().encode(text).length <= MOST;

/** The code of a text, in the smallest version that holds it. Throws a `RangeError` above 213 bytes. */
export function qrOf(text: string): QrCode {
  const bytes = new TextEncoder().encode(text);
  const version = PLANS.findIndex((plan, at) => capacity(plan, at + 1) >= bytes.length) + 1;
  const plan = PLANS[version - 1];
  if (!plan) throw new RangeError(`A QR code of at most ${MOST} bytes is drawn here; this has ${bytes.length}.`);
  const words = interleaved(dataWords(bytes, version, plan), plan);
  const candidates = MASKS.map((_, mask) => drawn(version, plan, words, mask));
  const best = candidates.reduce((a, b) => (penalty(b) < penalty(a) ? b : a));
  return { size: best.size, isDark: (x, y) => best.at(x, y) };
}

/** The dark modules as the path of an SVG, one unit to a module. */
export function qrPath(code: QrCode): string {
  const runs: string[] = [];
  for (let y = 0; y < code.size; y++) {
    for (let x = 0; x < code.size; x++) if (code.isDark(x, y)) runs.push(`M${x} ${y}h1v1h-1z`);
  }
  return runs.join("");
}

// --- words ---

const countBits = (version: number) => (version < 10 ? 8 : 16);
const total = (plan: Plan) => plan.blocks.reduce((sum, size) => sum + size, 0);
const capacity = (plan: Plan, version: number) => Math.floor((8 * total(plan) - 4 - countBits(version)) / 8);

/** Mode, length, the bytes, the end, and padding up to what the version holds. */
function dataWords(bytes: Uint8Array, version: number, plan: Plan): number[] {
  const bits: number[] = [];
  const add = (value: number, width: number) => {
    for (let bit = width - 1; bit >= 0; bit--) bits.push((value >> bit) & 1);
  };
  add(0b0100, 4);
  add(bytes.length, countBits(version));
  for (const byte of bytes) add(byte, 8);
  const room = 8 * total(plan);
  add(0, Math.min(4, room - bits.length));
  add(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < room; pad ^= 0xec ^ 0x11) add(pad, 8);
  return Array.from({ length: room / 8 }, (_, word) =>
    bits.slice(8 * word, 8 * word + 8).reduce((v, b) => 2 * v + b, 0),
  );
}

/** Blocks with their error correction, word by word in turn. */
function interleaved(words: number[], plan: Plan): number[] {
  let from = 0;
  const data = plan.blocks.map((size) => {
    from += size;
    return words.slice(from - size, from);
  });
  const checks = data.map((block) => remainder(block, plan.check));
  const inTurn = (blocks: number[][]) =>
    Array.from({ length: Math.max(...blocks.map((block) => block.length)) }, (_, at) =>
      blocks.flatMap((block) => block.slice(at, at + 1)),
    ).flat();
  return [...inTurn(data), ...inTurn(checks)];
}

/** Product in GF(256) with the polynomial x^8 + x^4 + x^3 + x^2 + 1. */
function product(a: number, b: number): number {
  let result = 0;
  for (let bit = 7; bit >= 0; bit--) {
    result = (result << 1) ^ ((result >> 7) * 0x11d);
    if ((b >> bit) & 1) result ^= a;
  }
  return result;
}

/** Reed-Solomon: what is left of the block by (x - 1)(x - 2)(x - 4)... of that degree. */
function remainder(block: number[], degree: number): number[] {
  let generator = [1];
  for (let root = 1, at = 0; at < degree; at++, root = product(root, 2)) {
    const shifted = [...generator, 0];
    generator = shifted.map((factor, i) => factor ^ (i > 0 ? product(generator[i - 1] ?? 0, root) : 0));
  }
  let rest = times(degree, 0);
  for (const word of block) {
    const factor = word ^ (rest[0] ?? 0);
    rest = [...rest.slice(1), 0].map((each, i) => each ^ product(generator[i + 1] ?? 0, factor));
  }
  return rest;
}

// --- modules ---

class Grid {
  readonly size: number;
  private readonly dark: Uint8Array;
  private readonly fixed: Uint8Array;

  constructor(version: number) {
    this.size = 17 + 4 * version;
    this.dark = new Uint8Array(this.size * this.size);
    this.fixed = new Uint8Array(this.size * this.size);
  }

  at(x: number, y: number): boolean {
    return this.dark[y * this.size + x] === 1;
  }

  isFree(x: number, y: number): boolean {
    return this.fixed[y * this.size + x] === 0;
  }

  set(x: number, y: number, dark: boolean) {
    this.dark[y * this.size + x] = dark ? 1 : 0;
  }

  /** A module of a function pattern: no data goes there, and no mask turns it. */
  fix(x: number, y: number, dark: boolean) {
    if (x < 0 || y < 0 || x >= this.size || y >= this.size) return;
    this.set(x, y, dark);
    this.fixed[y * this.size + x] = 1;
  }
}

function drawn(version: number, plan: Plan, words: number[], mask: number): Grid {
  const grid = new Grid(version);
  drawPatterns(grid, plan);
  drawFormat(grid, mask);
  if (version >= 7) drawVersion(grid, version);
  drawWords(grid, words, mask);
  return grid;
}

/** Squares around a centre: light at two steps, dark at the others within `reach`. */
function drawRings(grid: Grid, cx: number, cy: number, reach: number, isLight: (ring: number) => boolean) {
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      grid.fix(cx + dx, cy + dy, !isLight(Math.max(Math.abs(dx), Math.abs(dy))));
    }
  }
}

function drawPatterns(grid: Grid, plan: Plan) {
  const end = grid.size - 1;
  for (let at = 0; at < grid.size; at++) {
    grid.fix(at, 6, at % 2 === 0);
    grid.fix(6, at, at % 2 === 0);
  }
  const isFinder = (x: number, y: number) => (x < 9 && y < 9) || (x > end - 9 && y < 9) || (x < 9 && y > end - 9);
  for (const [x, y] of [
    [3, 3],
    [end - 3, 3],
    [3, end - 3],
  ] as const)
    drawRings(grid, x, y, 4, (ring) => ring === 2 || ring === 4);
  for (const x of plan.centres) {
    for (const y of plan.centres) if (!isFinder(x, y)) drawRings(grid, x, y, 2, (ring) => ring === 1);
  }
}

/** What is left of `value`, moved up, by a generator of that degree: a BCH code's check bits. */
function checkBits(value: number, generator: number, degree: number): number {
  let rest = value << degree;
  for (let bit = 31; bit >= degree; bit--) if ((rest >>> bit) & 1) rest ^= generator << (bit - degree);
  return rest;
}

/** Level M is 00; then the mask; ten check bits; all turned over by a constant. Twice, beside the finders. */
function drawFormat(grid: Grid, mask: number) {
  const bits = ((mask << 10) | checkBits(mask, 0x537, 10)) ^ 0x5412;
  const end = grid.size - 1;
  for (let at = 0; at < 15; at++) {
    const dark = ((bits >> at) & 1) === 1;
    const row = at < 6 ? at : at < 8 ? at + 1 : end - 14 + at;
    const column = at < 8 ? end - at : at === 8 ? 7 : 14 - at;
    grid.fix(8, row, dark);
    grid.fix(column, 8, dark);
  }
  grid.fix(8, end - 7, true);
}

function drawVersion(grid: Grid, version: number) {
  const bits = (version << 12) | checkBits(version, 0x1f25, 12);
  for (let at = 0; at < 18; at++) {
    const dark = ((bits >> at) & 1) === 1;
    const [near, far] = [Math.floor(at / 3), grid.size - 11 + (at % 3)];
    grid.fix(near, far, dark);
    grid.fix(far, near, dark);
  }
}

/** From the lower right corner in columns of two, up and down in turn, past what is fixed; bits left over are light. */
function drawWords(grid: Grid, words: number[], mask: number) {
  const turns = MASKS[mask] ?? (() => false);
  let bit = 0;
  let upwards = true;
  for (let right = grid.size - 1; right > 0; right -= right === 8 ? 3 : 2, upwards = !upwards) {
    for (let step = 0; step < grid.size; step++) {
      const y = upwards ? grid.size - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (!grid.isFree(x, y)) continue;
        const dark = (((words[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) === 1;
        grid.set(x, y, dark !== turns(x, y));
        bit += 1;
      }
    }
  }
}

// --- which mask ---

/** How hard it is to read, after 7.8.3: runs, blocks, what looks like a finder, and too much of one colour. */
function penalty(grid: Grid): number {
  const lines: string[] = [];
  for (let a = 0; a < grid.size; a++) {
    let [row, column] = ["", ""];
    for (let b = 0; b < grid.size; b++) {
      row += grid.at(b, a) ? "1" : "0";
      column += grid.at(a, b) ? "1" : "0";
    }
    lines.push(row, column);
  }
  const runs = lines.flatMap((line) => line.match(/0{5,}|1{5,}/g) ?? []);
  const finders = lines.flatMap((line) => [...line.matchAll(/(?=10111010000|00001011101)/g)]);
  const share = lines.join("").replaceAll("0", "").length / (2 * grid.size * grid.size);
  const colour = 10 * Math.floor(Math.abs(100 * share - 50) / 5);
  return runs.reduce((sum, run) => sum + run.length - 2, 0) + 40 * finders.length + 3 * blocks(grid) + colour;
}

function blocks(grid: Grid): number {
  let count = 0;
  for (let y = 1; y < grid.size; y++) {
    for (let x = 1; x < grid.size; x++) {
      const dark = grid.at(x, y);
      if (dark === grid.at(x - 1, y) && dark === grid.at(x, y - 1) && dark === grid.at(x - 1, y - 1)) count += 1;
    }
  }
  return count;
}
