/** US dollars as whole picodollars (1e-12), the server's own unit, so that sums shown here are exact. */

const PLACES = 12;

/** Reads a decimal string such as `"0.000125"`; null where it is not one. */
export function parseUsd(text: string): bigint | null {
  const match = /^(-?)(\d*)(?:\.(\d*))?$/.exec(text.trim());
  if (!match || (!match[2] && !match[3])) return null;
  const whole = match[2] || "0";
  const fraction = (match[3] ?? "").padEnd(PLACES, "0");
  if (/[^0]/.test(fraction.slice(PLACES))) return null;
  const value = BigInt(whole + fraction.slice(0, PLACES));
  return match[1] ? -value : value;
}

/** Writes picodollars as the shortest exact decimal. */
export function printUsd(pico: bigint): string {
  const sign = pico < 0n ? "-" : "";
  const digits = (pico < 0n ? -pico : pico).toString().padStart(PLACES + 1, "0");
  const fraction = digits.slice(-PLACES).replace(/0+$/, "");
  return `${sign}${digits.slice(0, -PLACES)}${fraction ? `.${fraction}` : ""}`;
}

/** tokens x (dollars per million tokens), exactly, rounded half up to a picodollar. */
export function tokensTimesRate(tokens: number, perMillion: string): bigint | null {
  const rate = parseUsd(perMillion);
  if (rate === null) return null;
  return (rate * BigInt(tokens) + 500_000n) / 1_000_000n;
}

/** What sums are shown in. The server's are US dollars; a project may have set a currency of its own, at one rate. */
export interface Currency {
  code: string;
  /** How much of it a US dollar is, as a decimal. */
  rate: string;
}

const DOLLARS: Currency = { code: "USD", rate: "1" };
let shown = DOLLARS;

/** From here on sums are shown in this currency, on every page: the router says so before it draws a project's. */
export function showMoneyIn(code: string | null | undefined, rate: string | null | undefined): void {
  shown = code && rate && code !== DOLLARS.code ? { code, rate } : DOLLARS;
}

export const inDollars = () => shown === DOLLARS;

/** `US dollars`, or the code of another currency. */
export const currencyName = () => (inDollars() ? "US dollars" : shown.code);

/** A sum in what the project shows money in: `$1.20` or `EUR 1.10`. What is set in dollars (rates of a price, a bill, a
 * field of a form) is written with `formatUsd`, whose sign says so. */
export function formatMoney(amount: string | null | undefined): string {
  return formatIn(shown, amount);
}

export function formatIn(currency: Currency, amount: string | null | undefined): string {
  if (currency.code === DOLLARS.code || amount === null || amount === undefined) return formatUsd(amount);
  const value = Number(amount) * Number(currency.rate);
  if (!Number.isFinite(value)) return formatUsd(amount);
  return formatUsd(value.toFixed(PLACES)).replace("$", `${currency.code} `);
}

/** The exact sum as it stands in the books, for a hint beside the short one; ` = EUR 1.10` where that is shown. */
export function exactUsd(amount: string): string {
  return inDollars() ? `$${amount}` : `$${amount} = ${formatMoney(amount)}`;
}

/** A sum that some prices are missing from is a lower bound, and says so. */
export function boundedMoney(amount: string | null | undefined, unpriced: number): string {
  if (amount === null || amount === undefined) return "no price";
  return `${unpriced > 0 ? "≥ " : ""}${formatMoney(amount)}`;
}

/** `$1,234.50`, `$0.0213`, `$0.000125`: two decimals from a dollar up, three significant digits below. */
export function formatUsd(amount: string | null | undefined): string {
  if (amount === null || amount === undefined) return "no price";
  const value = Number(amount);
  if (!Number.isFinite(value)) return amount;
  if (value === 0) return "$0";
  const size = Math.abs(value);
  if (size >= 1)
    return `${value < 0 ? "-" : ""}$${size.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  const decimals = Math.min(PLACES, Math.max(2, 2 - Math.floor(Math.log10(size))));
  const text = size.toFixed(decimals);
  const trimmed = text.replace(/0+$/, "");
  const kept = trimmed.length < text.indexOf(".") + 3 ? text.slice(0, text.indexOf(".") + 3) : trimmed;
  return `${value < 0 ? "-" : ""}$${kept}`;
}
