import { ArrowDown, ArrowUp } from "lucide-react";
import type { ReactNode } from "react";
import css from "./ui.module.css";

export interface Column<T> {
  id: string;
  label: string;
  cell: (row: T) => ReactNode;
  align?: "right";
  /** What to sort by; a column without it cannot be sorted. Null sorts last either way. */
  value?: (row: T) => number | string | null;
}

interface Props<T> {
  label: string;
  columns: Column<T>[];
  rows: T[];
  rowKey: (row: T) => string;
  /** `calls` descending, `-calls` ascending for numbers: kept in the address by the page. */
  sort?: string;
  onSort?: (sort: string) => void;
}

function compare(a: number | string | null, b: number | string | null, sign: number): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  return sign * String(a).localeCompare(String(b));
}

export function sortRows<T>(rows: T[], columns: Column<T>[], sort: string): T[] {
  const id = sort.replace(/^-/, "");
  const value = columns.find((c) => c.id === id)?.value;
  if (!value) return rows;
  const sign = sort.startsWith("-") ? -1 : 1;
  return [...rows].sort((a, b) => compare(value(a), value(b), sign));
}

/**
 * A small table (up to some hundreds of rows) with sorting that the page keeps in its address. On a phone each row is a
 * block of its own, with the columns below each other.
 */
export function DataTable<T>({ label, columns, rows, rowKey, sort = "", onSort }: Props<T>) {
  const sorted = sortRows(rows, columns, sort);
  return (
    <div className={css.scrollX} role="region" aria-label={`${label}, scrolling sideways`} tabIndex={0}>
      <table className={`${css.table} ${css.stacked}`} aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <HeadCell key={column.id} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map((column) => (
                <td key={column.id} data-align={column.align} data-label={column.label}>
                  <div className={css.cell}>{column.cell(row)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface HeadProps<T> {
  column: Column<T>;
  sort: string;
  onSort?: (sort: string) => void;
}

function HeadCell<T>({ column, sort, onSort }: HeadProps<T>) {
  const active = sort.replace(/^-/, "") === column.id;
  const descending = sort.startsWith("-");
  const ariaSort = active ? (descending ? "descending" : "ascending") : undefined;
  if (!column.value || !onSort) {
    return (
      <th scope="col" data-align={column.align}>
        {column.label || <span className="sr-only">Actions</span>}
      </th>
    );
  }
  // Numbers are first asked for largest first, names from A.
  const first = column.align === "right" ? `-${column.id}` : column.id;
  const next = active ? (descending ? column.id : `-${column.id}`) : first;
  const Arrow = descending ? ArrowDown : ArrowUp;
  return (
    <th scope="col" data-align={column.align} aria-sort={ariaSort}>
      <button type="button" className={css.sortButton} onClick={() => onSort(next)}>
        {column.label}
        {active && <Arrow size={12} aria-hidden="true" />}
      </button>
    </th>
  );
}
