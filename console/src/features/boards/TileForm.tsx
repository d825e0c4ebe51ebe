import { Button, Group, NumberInput, Select, Textarea, TextInput } from "@mantine/core";
import type { Tile } from "@/api/types";
import css from "./boards.module.css";
import { words } from "./figures";

const CHARTS = ["number", "line", "area", "bar", "table"];
const OF = [
  { value: "traces", label: "Calls" },
  { value: "spans", label: "Spans" },
];
const STEPS = ["none", "auto", "1m", "5m", "1h", "1d"];

interface Props {
  tile: Tile;
  onChange: (tile: Tile) => void;
  onRemove: () => void;
}

/** What a tile asks and how it is drawn; every change is seen at once beside it. */
export function TileForm({ tile, onChange, onRemove }: Props) {
  const set = (change: Partial<Tile>) => onChange({ ...tile, ...change });
  return (
    <div className={css.form}>
      <TextInput label="Title" value={tile.title} onChange={(e) => set({ title: e.currentTarget.value })} />
      <Textarea
        label="Search"
        placeholder="e.g. feature:chat -status:ok"
        autosize
        value={tile.q}
        onChange={(e) => set({ q: e.currentTarget.value })}
      />
      <WordsInput
        label="Metrics"
        description="E.g. count, error_rate, p95(duration), top(user, 5), score.helpful, below(score.helpful, 0.5)"
        value={tile.metrics ?? ["count"]}
        onChange={(metrics) => set({ metrics })}
      />
      <WordsInput
        label="Group by"
        description="Up to four, e.g. model, meta.team"
        value={tile.group_by}
        onChange={(group_by) => set({ group_by })}
      />
      <Group grow>
        <Select
          label="Of"
          data={OF}
          value={tile.of}
          allowDeselect={false}
          onChange={(of) => set({ of: (of ?? "traces") as Tile["of"] })}
        />
        <Select
          label="Drawn as"
          data={CHARTS}
          value={tile.chart}
          allowDeselect={false}
          onChange={(chart) => set({ chart: (chart ?? "line") as Tile["chart"] })}
        />
      </Group>
      <Group grow>
        <Select
          label="Over time"
          data={STEPS.includes(tile.interval) ? STEPS : [...STEPS, tile.interval]}
          value={tile.interval}
          allowDeselect={false}
          onChange={(interval) => set({ interval: interval ?? "none" })}
        />
        <NumberInput label="Groups" min={1} max={1000} value={tile.limit} onChange={(v) => set({ limit: Number(v) })} />
      </Group>
      <Group grow>
        {(["x", "y", "w", "h"] as const).map((side) => (
          <NumberInput
            key={side}
            label={{ x: "Column", y: "Row", w: "Width", h: "Height" }[side]}
            min={side === "w" || side === "h" ? 1 : 0}
            max={side === "x" ? 11 : side === "w" ? 12 : 1000}
            value={tile[side]}
            onChange={(v) => set({ [side]: Number(v) })}
          />
        ))}
      </Group>
      <Button variant="default" color="red" onClick={onRemove}>
        Remove this tile
      </Button>
    </div>
  );
}

interface WordsProps {
  label: string;
  description: string;
  value: string[];
  onChange: (value: string[]) => void;
}

/** A list typed with commas: taken when the field is left, so that a comma may be typed. */
function WordsInput({ label, description, value, onChange }: WordsProps) {
  const shown = value.join(", ");
  return (
    <TextInput
      key={shown}
      label={label}
      description={description}
      defaultValue={shown}
      onBlur={(e) => onChange(words(e.currentTarget.value))}
      onKeyDown={(e) => e.key === "Enter" && onChange(words(e.currentTarget.value))}
    />
  );
}
