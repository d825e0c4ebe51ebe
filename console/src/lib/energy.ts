/** Electricity and carbon: always a range, in one unit for both ends. */

type Unit = [factor: number, name: string];
const WATT_HOURS: Unit[] = [
  [1000, "kWh"],
  [1, "Wh"],
  [0.001, "mWh"],
];
const GRAMS: Unit[] = [
  [1000, "kg"],
  [1, "g"],
  [0.001, "mg"],
];

/** `0.885–1.59 mWh`, `0 Wh`: three digits, the unit by the upper end. */
function range(low: number, high: number, units: Unit[]): string {
  const [factor, name] = units.find(([size]) => high >= size) ?? (units[units.length - 1] as Unit);
  if (high === 0) return `0 ${units[1]?.[1]}`;
  const show = (value: number) => String(Number((value / factor).toPrecision(3)));
  return low === high ? `${show(low)} ${name}` : `${show(low)}–${show(high)} ${name}`;
}

export const formatWh = (low: number, high: number) => range(low, high, WATT_HOURS);
export const formatCo2 = (low: number, high: number) => `${range(low, high, GRAMS)} CO₂e`;
