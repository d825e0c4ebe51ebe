import { Tooltip } from "@mantine/core";
import type { CSSProperties, ReactNode } from "react";
import css from "./tiles.module.css";

interface TilesProps {
  label: string;
  testId: string;
  /** How many stand side by side where there is room; on a narrow screen it is two. */
  across: number;
  children: ReactNode;
}

/** The numbers a page answers with. */
export function Tiles({ label, testId, across, children }: TilesProps) {
  return (
    <section
      className={css.tiles}
      style={{ "--tiles": across } as CSSProperties}
      aria-label={label}
      data-testid={testId}
    >
      {children}
    </section>
  );
}

interface TileProps {
  label: string;
  value: ReactNode;
  /** What belongs to the number. */
  foot: ReactNode;
  /** How it is counted. */
  tip?: string;
  /** Names stand in it, which are cut off where they are longer than it is wide; an amount never is. */
  oneLine?: boolean;
}

export function Tile({ label, value, foot, tip, oneLine }: TileProps) {
  return (
    <Tooltip label={tip} disabled={!tip} multiline maw={340}>
      <div className={css.tile} data-one-line={oneLine || undefined}>
        <div className={css.label}>{label}</div>
        <div className={css.value}>{value}</div>
        <div className={css.foot}>{foot}</div>
      </div>
    </Tooltip>
  );
}
