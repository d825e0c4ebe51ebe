import { TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { Search } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useShortcuts } from "@/lib/hooks";
import css from "./ui.module.css";

interface Props {
  /** What is looked for, as the address has it. */
  words: string;
  onWords: (words: string) => void;
  label: string;
  placeholder: string;
  /** How many there are. */
  told: string;
}

/** The field above a long list. Asked when one pauses, not with every letter; `/` leads to it. */
export function Words({ words, onWords, label, placeholder, told }: Props) {
  const [text, setText] = useState(words);
  const [settled] = useDebouncedValue(text, 250);
  const field = useRef<HTMLInputElement>(null);
  useShortcuts({ "/": () => field.current?.focus() });
  const asked = useRef(words);
  // What somebody types on while the address follows is not taken from them.
  useEffect(() => {
    if (words !== asked.current) setText(words);
    asked.current = words;
  }, [words]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what was typed moves the address
  useEffect(() => {
    if (settled !== text || settled.trim() === words) return;
    asked.current = settled.trim();
    onWords(asked.current);
  }, [settled]);
  return (
    <div className={css.bar} role="search">
      <TextInput
        ref={field}
        className={css.words}
        aria-label={label}
        placeholder={placeholder}
        leftSection={<Search size={14} aria-hidden="true" />}
        value={text}
        maxLength={500}
        spellCheck={false}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <span className="muted num" role="status">
        {told}
      </span>
    </div>
  );
}
