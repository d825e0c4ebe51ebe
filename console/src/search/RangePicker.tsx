import { Button, Popover, TextInput } from "@mantine/core";
import { CalendarClock, ChevronDown } from "lucide-react";
import { useState } from "react";
import { fixedSearch, PRESETS, presetSearch, type Range, type RangeSearch } from "./range";
import css from "./search.module.css";

interface Props {
  range: Range;
  onChange: (search: RangeSearch) => void;
}

/** Unix ms as the value of a datetime-local field, and back, in the reader's time zone. */
function toLocal(ms: number): string {
  const date = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 16);
}

export function RangePicker({ range, onChange }: Props) {
  const [opened, setOpened] = useState(false);
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const start = new Date(from).getTime();
  const end = new Date(to).getTime();
  const valid = Number.isFinite(start) && Number.isFinite(end) && start < end;
  const toggle = () => {
    setFrom(toLocal(range.window.start));
    setTo(toLocal(range.window.end));
    setOpened(!opened);
  };
  const choose = (search: RangeSearch) => {
    setOpened(false);
    onChange(search);
  };
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" shadow="md" width={260} trapFocus>
      <Popover.Target>
        <Button
          variant="default"
          size="sm"
          px={10}
          onClick={toggle}
          leftSection={<CalendarClock size={15} />}
          rightSection={<ChevronDown size={13} />}
          aria-label={`Time range: ${range.label}`}
        >
          {range.label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown p={8}>
        <div className={css.presets}>
          {PRESETS.map((preset) => (
            <button
              key={preset.id}
              type="button"
              className={css.preset}
              aria-pressed={range.preset === preset.id}
              onClick={() => choose(presetSearch(preset.id))}
            >
              {preset.label}
            </button>
          ))}
        </div>
        <form
          style={{ display: "grid", gap: 8, borderTop: "1px solid var(--line)", marginTop: 8, padding: "8px 8px 4px" }}
          onSubmit={(event) => {
            event.preventDefault();
            if (valid) choose(fixedSearch(start, end));
          }}
        >
          <TextInput
            size="xs"
            type="datetime-local"
            label="From"
            value={from}
            onChange={(e) => setFrom(e.currentTarget.value)}
          />
          <TextInput
            size="xs"
            type="datetime-local"
            label="To"
            value={to}
            onChange={(e) => setTo(e.currentTarget.value)}
            error={from && to && !valid ? "To must be after From." : null}
          />
          <Button type="submit" disabled={!valid}>
            Use these
          </Button>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
