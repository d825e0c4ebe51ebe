import type { CostReport } from "@/api/types";
import { formatCo2, formatWh } from "@/lib/energy";
import { formatInt, plural } from "@/lib/format";
import { Tile } from "@/ui/Tiles";
import css from "./costs.module.css";

/** What the range took in electricity: an estimate, always as a range, with what it cannot say counted. */
export function EnergyTiles({ report }: { report: CostReport }) {
  const { energy, totals } = report;
  return (
    <section className={css.panel} aria-label="Energy" data-testid="energy">
      <div className={css.panelHead}>
        <h2>Energy, by estimate</h2>
      </div>
      {energy ? (
        <div className={css.energy}>
          <Tile
            label="Electricity"
            value={formatWh(energy.wh_low, energy.wh_high)}
            foot={`${plural(energy.known, "attempt")} with an estimate`}
          />
          <Tile
            label="Carbon"
            value={formatCo2(energy.gco2e_low, energy.gco2e_high)}
            foot="of electricity, and a share of the hardware"
          />
          <Tile
            label="Unknown"
            value={formatInt(energy.unknown)}
            foot={
              energy.unknown > 0
                ? `${energy.unknown === 1 ? "attempt" : "attempts"}, not in the sums`
                : "every metered attempt is in the sums"
            }
          />
        </div>
      ) : (
        <p className={css.none}>
          {totals.attempts === 0
            ? "No attempts in this range match the filter."
            : "Unknown: nobody has an estimate for the models that were asked, or they run on a machine of yours."}
        </p>
      )}
      <p className={css.note}>
        EcoLogits' method. The range is what vendors do not tell (active parameters, how well their data centres are
        cooled); it is no statistical interval. Output tokens are counted; answers from the cache took none.
      </p>
    </section>
  );
}
